from setuptools import find_packages, setup

package_name = 'dreamer_learner'

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
    description='Trains the world model and the policy from the stream of steps.',
    license='Apache-2.0',
    extras_require={'test': ['pytest']},
    entry_points={
        'console_scripts': [
            'learner = dreamer_learner.main:main',
            'evaluator = dreamer_learner.main:evaluator',
            'train_offline = dreamer_learner.main:train_offline',
            'export = dreamer_learner.main:export',
        ],
    },
)
