"""Looks at a workload's way to Azure link by link, and names the link that is broken.

`facts` says what is read, `chain` judges it, `report` prints it. `laptop` reads the local cloud, `azure` a real
cluster; whatever else can tell these facts can be examined in the same way.
"""
