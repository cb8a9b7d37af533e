"""Says hello, and where it runs."""
import getpass
import os
import platform
import sys

name = sys.argv[1] if len(sys.argv) > 1 else getpass.getuser()
print(f"Hello, {name}!")
print(f"  Python    {platform.python_version()} at {sys.executable}")
print(f"  Platform  {platform.system()} {platform.machine()}")
print(f"  Folder    {os.getcwd()}: {', '.join(sorted(os.listdir())) or 'empty'}")
print(f"  User      {getpass.getuser()} ({os.getuid()}), home {os.path.expanduser('~')}")
print(f"  Arguments {sys.argv[1:]}")
