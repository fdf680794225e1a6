"""Many runs: grids, stores and executors."""
