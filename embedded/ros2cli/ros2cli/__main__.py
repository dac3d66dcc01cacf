import sys

from ros2cli.main import main

sys.exit(main())
