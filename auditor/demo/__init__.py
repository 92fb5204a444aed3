"""A recorded demonstration company: fictitious machines and people, real pipeline, no network.

`machines/*.toml` tell what each machine holds and `systems/*.toml` what it shares with its like, in a form a person can
read. `recordings` turns them into exactly what the collectors' script would have printed there, so that a demonstration
run passes through every stage a real one does; `tenant/` does the same for its Microsoft 365; `company` is the plan of
that run; `feeds.toml` holds the few advisories it needs, written for this demonstration.
"""
