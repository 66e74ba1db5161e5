"""The local stack: Prefect server, MLflow server and one worker a pool, in the background on this machine."""
