"""Platform SSO as an outsider writes it down, from Apple's documentation: an identity provider and a client that share no
code with pivkit. Signatures are jwcrypto's; cryptography has the rest.

    layouts         encodings, kid, PartyUInfo and PartyVInfo
    tokens          JWS and JWE, read strictly
    padding         counts the numbers that begin with a zero byte, and makes some
    cards           a certification authority and the cards that it issues, in software
    configuration   psso.toml
    provider        the identity provider
    client          the client
"""
