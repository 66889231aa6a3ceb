"""Several workers, one result: processes, threads, MPI ranks."""
