"""The answers of `handpie check`, in sets: what facts leave possible."""

PASS = ["pass"]
FAIL = ["fail"]
WARN = ["warn"]
NOT_APPLICABLE = ["not-applicable"]
NOT_BAD = PASS + NOT_APPLICABLE
SOME = PASS + WARN
BAD = FAIL + WARN
# It is not there; whether that is bad, facts do not tell.
NOT_SEEN = ["fail", "warn", "unknown", "not-applicable"]

PIE_KINDS = ("dynamic-pie", "loader-only-pie", "static-pie")
