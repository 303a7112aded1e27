"""The identity provider: every method, strictly. A request is refused for anything that the documentation does not have.

    profiles    ways of speaking: what a provider may configure
    state       devices, nonces, refresh tokens, the provider's own keys
    requests    what every signed request has in common, and refresh and key requests
    logins      the four kinds of login
    answers     login responses and key responses
    endpoints   HTTP
"""
