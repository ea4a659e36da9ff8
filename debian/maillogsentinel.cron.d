# When MailLogSentinel runs. This is the only place that says so: what you change here, counts.
# A line that fails sends its one sentence to MAILTO, the same one at most once a day.
SHELL=/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
MAILTO=root

# Each hour: read what is new in the log. Reports name the interval, which they read from this line.
17 * * * * maillogsentinel [ ! -x /usr/bin/maillogsentinel ] || nice -n 10 ionice -t -c 2 -n 7 maillogsentinel extract
# Alerts go out with the run that reads their cause. For one within five minutes, let this line take the place of the one
# above; a run with nothing new takes a twentieth of a second.
#*/5 * * * * maillogsentinel [ ! -x /usr/bin/maillogsentinel ] || nice -n 10 ionice -t -c 2 -n 7 maillogsentinel extract
# Shortly after midnight: mail every day that is over and was not mailed yet.
5 0 * * * maillogsentinel [ ! -x /usr/bin/maillogsentinel ] || nice -n 10 ionice -t -c 2 -n 7 maillogsentinel report --due
# Once a week: fetch the databases of countries and networks anew, after a delay (up to 68 minutes) that is always the
# same on this host and another one on the next.
41 4 * * 0 maillogsentinel [ ! -x /usr/bin/maillogsentinel ] || { sleep $((0x$(uname -n | md5sum | cut -c 1-3))); nice -n 10 ionice -t -c 2 -n 7 maillogsentinel ipinfo --update --due; }
