import sys
from os.path import dirname

sys.path.insert(0, dirname(__file__))  # world.py and its like
