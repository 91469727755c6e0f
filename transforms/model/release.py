"""The version of the program, as setup.py has it: workers have the code, and no package that could be asked."""

RELEASE = "0.1.0"
