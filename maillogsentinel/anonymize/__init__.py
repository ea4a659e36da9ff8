"""A log that may be shown to strangers and still means the same to every tool: bytes in, bytes out; no clock, no file.

`lines.Anonymizer` is what the others serve: `header` takes a line apart, `programs` knows what Postfix, Dovecot and
others write and where in it a client's text stands, `text` replaces in all the rest whatever is not known as a word of
a program, `names` and `addresses` make the pseudonyms.
"""
