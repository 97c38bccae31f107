"""What people and programs do: each verb from its arguments to its commit, as coroutines over a store."""
