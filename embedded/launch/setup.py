"""Build of the embedded launch."""

from setuptools import find_packages, setup

package_name = 'launch'

setup(
    name=package_name,
    version='0.1.0',
    packages=find_packages(include=[package_name, f'{package_name}.*']),
    package_data={package_name: ['py.typed']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + package_name]),
        ('share/' + package_name, ['package.xml']),
    ],
    install_requires=['PyYAML'],
    zip_safe=True,
    maintainer='Dreamer for ROS 2 maintainers',
    maintainer_email='maintainers@example.com',
    description='Launching of processes: the part of ROS 2 launch that this project uses',
    license='Apache-2.0',
    extras_require={'test': ['pytest']},
)
