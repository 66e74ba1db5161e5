"""When and where: Prefect flows, one file a verb. Tasks pass references, never arrays."""
