"""What to fix, and where: one sentence for each refusal that a learner can cause.

Each names the file on the laptop and, if it is about a role, the role and the scope. If a refusal has two possible
causes, it says which is the likelier and why.
"""

from localcloud.operator.advice.accesses import AccessAdvice
from localcloud.operator.advice.exchanges import ExchangeAdvice


class Advice(ExchangeAdvice, AccessAdvice):
    """On a pod, on a token exchange and on an access. See `Knowledge` for what it is made of."""
