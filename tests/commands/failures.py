"""Lines of a mail log in which logins fail."""


def lines(first, count):
    return "".join(
        f"May 17 11:13:00 mx postfix/smtpd[321]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x,"
        f" sasl_username=user{number},\u2028\n"
        for number in range(first, first + count)
    )
