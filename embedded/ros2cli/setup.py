from setuptools import find_packages, setup

setup(
    name='ros2cli',
    version='0.1.0',
    packages=find_packages(exclude=['test']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/ros2cli']),
        ('share/ros2cli', ['package.xml']),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    maintainer='Dreamer for ROS 2 maintainers',
    maintainer_email='maintainers@example.com',
    description='The ros2 command, installed only where no ROS 2 is found.',
    license='Apache-2.0',
    extras_require={'test': ['pytest']},
    entry_points={'console_scripts': ['ros2 = ros2cli.main:console']},
)
