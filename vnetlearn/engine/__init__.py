"""The ways to start an agent, and to speak to it: `host` (namespaces on the running kernel) and `vm` (a QEMU guest).

Nothing above this room knows which of them runs: both give a `running.Running`, with a `channel.Channel` to the agent.
Of the package only `errors` and `cache` are imported here.
"""
