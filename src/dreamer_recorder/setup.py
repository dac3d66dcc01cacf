from setuptools import find_packages, setup

package_name = 'dreamer_recorder'

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
    description='Every step to rosbag2 files that survive a crash, and back.',
    license='Apache-2.0',
    extras_require={'test': ['pytest']},
    entry_points={
        'console_scripts': [
            'recorder = dreamer_recorder.main:main',
            'info = dreamer_recorder.main:info',
        ],
    },
)
