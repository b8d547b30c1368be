//! `queue.yaml`: the file that says which queues there are.
