"""The ways to start an agent, and to speak to it: `host` (namespaces on the running kernel) and `vm` (a QEMU guest).

Both give a `running.Running`, with a `channel.Channel` to the agent.
What is sent through that channel does not depend on which of them runs. Of the package only `errors`, `cache` and
`kinds` (for the guest's modules) are imported here, and `engine/agent` imports nothing of it at all.
"""
