"""`lastseen local`: the real template, deployed to an AWS emulator on loopback. Read command.py first.

Nothing of AWS is imitated here. emulator.py runs ministack, synth.py runs the CDK app, deploy.py hands its output to
CloudFormation, fixups.py fixes the few things that the emulator leaves out, front.py gives the API a plain URL.
"""
