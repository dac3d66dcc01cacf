"""Build of the embedded launch_testing."""

from setuptools import find_packages, setup

package_name = 'launch_testing'

setup(
    name=package_name,
    version='0.1.0',
    packages=find_packages(include=[package_name, f'{package_name}.*']),
    package_data={package_name: ['py.typed']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + package_name]),
        ('share/' + package_name, ['package.xml']),
    ],
    zip_safe=True,
    maintainer='Dreamer for ROS 2 maintainers',
    maintainer_email='maintainers@example.com',
    description='What tests of launch descriptions share: the part of ROS 2 launch_testing that this project uses',
    license='Apache-2.0',
    extras_require={'test': ['pytest']},
)
