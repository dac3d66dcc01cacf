from ros2cli.main import console

console()
