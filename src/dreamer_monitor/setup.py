from setuptools import find_packages, setup

package_name = 'dreamer_monitor'

setup(
    name=package_name,
    version='0.1.0',
    packages=find_packages(exclude=['test']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + package_name]),
        ('share/' + package_name, ['package.xml']),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    maintainer='Dreamer for ROS 2 maintainers',
    maintainer_email='maintainers@example.com',
    description='What people look at: the console line, TensorBoard, learning curves.',
    license='Apache-2.0',
    extras_require={'test': ['pytest']},
    entry_points={
        'console_scripts': [
            'console = dreamer_monitor.main:main',
        ],
    },
)
