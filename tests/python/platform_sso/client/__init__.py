"""The client: every method, with keys in software.

    http        exchanges on one connection
    provider    the configuration of an identity provider, its nonces and its keys
    device      a device: its keys, registration, and the requests that it signs
    answers     login responses, id_tokens and key responses, checked
"""
