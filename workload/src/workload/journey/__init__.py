"""The token's journey as a page: what the cluster gave the pod, what Entra made of it, what each service allows.

It shows claims, never a token. Read `links`, then `chain`; `page` draws it, with the sentences of `explanations.yaml`.
"""
