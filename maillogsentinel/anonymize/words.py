"""The words of the programs that write into mail logs. What is none of them may be somebody's name, and is replaced."""

WORDS = frozenset(
    b"""
    7bit 8bitmime abi able abnormal abnormally abort aborted aborting aborts about above absolute abuse academy accept
    acceptable accepted accepting accepts access accessed accessible accessing accidents according accordingly account
    accounts acct ack acl acllist acquire acquired across act action actionqueue actions activate activated activating
    activation active activity actual adapting add added adding additional addr address addresses addressing addrinfo
    adds adj adjacent adjust adjusted adjusting admin administrative administratively administrator adsp advance advise
    advised aes aes128 aes256 affected after again against aged agent aggregate aggregation ago ahead aid aix aka alarm
    alert alerts alg algo algorithm algorithms alias aliased aliases aligned alignment alive all allegedly alloc
    allocate allocated allocating allocation allocations allow allowed allowing allowlist allowlisting allows alone
    along alpn already also alt alternate alternative although always am amavis amavisd ambiguous among an anchor
    anchors and announce announced anonymous another answered answering answers anvil any anyone anything anyway api
    app apparmor appear appears append applicable application applied applies apply applying appropriate approve apr
    april arc architecture archive are aren arg args argument arguments argv aria128 aria256 around arr array arrays
    arrival arrived as asn asprintf assert assertion assign assigned assistance assisted associated assumed assumes
    assuming async asynchronous at atom atomic atomically attached attachment attachments attack attempt attempted
    attempting attempts attr attribute attributes aud audience aug august auth authdaemond authenticate authenticated
    authenticating authentication authid authmech authority authorization authorized authors authreply authres auths
    authzid auto autocreate autodetect autodetection autoexpunge autolearn automatic automatically autosubscribe
    auxprop auxpropfunc avail available average avg avleimdet avoid avoided awaking away awoke awoken back backend
    backends background backgrounding backlog backof backoff backport backscatter backtick backtrace backup backward
    backwards bad badh balancer banned banner bare base base64 based basic batch batching bayes bcc bdat be bearer
    because become been before begin beginning begins behaviour behind being below berkeley besides best better between
    beyond biff big bin binaries binary binarymime bind binder binding bio bit bitmask bits bkt blackhole blacklist
    blacklisted blame blank block blocked blocking blocklist blocks blowfish body bodystructure bom boolean botch both
    bounce bounced bouncing bound boundary bounds box brain branch branches break breaking broadcast broke broken bsd
    bsdcompat bsearch btw bucket buckets buffer buffered bufferend buffering buffers buflen bug buggy bugs build
    building builds built bulk burst busy but by bye bypass byte bytelen bytes bzlib cache cached caches caching
    calculation calendar call callback called caller calling calloc calls came camellia128 camellia256 can cancel
    canceled canceling cancellation cancelled cannot canonicalize canonuser capabilities capability capable capital
    capture capturing carbon care case caseconversion cases cat categories category caught cause caused causes cbc cc
    ccs cd cee cert certfile certificate certificates certification certified certs cflags chacha20 chain chained
    chains challenge chance change changed changes changing channel char character characters chars charset chdir check
    checked checking checkpassword checks checksum chflags child children chld chmod choose chown chroot chrooted chunk
    chunked chunking chunks cidr cipher cipherlist ciphers ciphersuite ciphersuites ciphertext circuit circular claim
    claimed clamav clamd class classes clean cleaning cleanup clear cleared clearing clever client clients clock cloned
    close closed closefrom closing clunk cmd cmdline cname cnf cnfstmt cnonce cnt cnum code codepoint codes coding cold
    collation collision colon combination combine come coming comm command commands comment commented comments commit
    committed committing common communicate communication comparator compare compared comparison comparisons compat
    compatibility compatible compilation compile compiled compiling complete completed completely completion complex
    component compress compressed compressing compression compromised compute computers computing con concurrency
    concurrent cond condition conditional conditions conf config configline configuration configure configured
    configuring confine conflict conflicting conflicts conn connect connected connecting connection connections
    consecutive consider consist consistent consists console consolidating const constant constrain constraint
    constructing construction consumable consumed consumer cont contact contain contained container containing contains
    containstring content contents context contiguous continuation continue continued continues continuing control
    controlled conversation conversion convert converted converter converting cookie cool cooperative cooperatively
    copied copy copying copyright core correct corrected correcting correctly corresponding corrupt corrupted
    corruption could count counted counter counts courier cppflags cpu cram crammd5 crashed crc create created creates
    creating creation credential credentials critical cron cross crv crypt crypto csi csr cstr csv ctl ctx cuid curr
    current currently cursor curve curve25519 curves custom customize cve cwd cycle cyrus daemon damaged dane dangerous
    data database databases datagram datalink dataset datatype date dated day days db dbox dead deadlock death debian
    debug debugging dec december decimal decision decisions declarative declare decode decoded decoder decoding
    decompressed decompression decompressor decreases decreasing decrypt decrypted decrypting decryption default
    defaulted defaulting defaults defer deferred define defined defining definition definitive deflate defunct deinit
    delay delayable delayed delaying delays delete deleted deleting deletion delimiter delimiters delist delisting
    deliver delivered deliveries delivers delivery demand denied deny denying denylist deploy deployed deploying
    deployment deploys deport deporting deprecated depth deq deque dequeue dequeued dequeueing dereferences descend
    described description descriptor descriptors deserialize deserializer deserializing designated desired despite dest
    destination destinations destroy destroyed destroying destruct destructing destructor desync desynced detail
    details detect detected detecting detection determine dev developer device dh dhparam dialup dict dictionaries
    dictionary did didn die died diff differ different differs diffie digest digests digit digits dir direct direction
    directive directives directly director directories directors directory dirs dirty disable disabled disables
    disabling disallowed disallowing discard discarded discarding discardmrk discards disconnect disconnected
    disconnecting disconnection discrete disk diskqueue display displayed disposing disposition distributed divide
    divisible dkim dkim1 dlinfo dlog dlopen dlsym dmarc dn dns dnsbl dnsblog dnsbls dnscache dnssec dnswl do doc
    document documentation does doesn doing domain domains don done doneflag dot dotlock dots double doveadm doveconf
    dovecot down doze dpt draft drafts drain driver drivers drop dropped dropping drops dsa dsn dst dsync dsyncing dtls
    due dummy dump dup duplicate duplicated duplicating duplication duration during dying dyn dynafile dynamic
    dynamically dynamicmaps dynstats eacces each eagain earlier earliest early ec ecc ecdh ecdhe ecdsa echo
    ecpointformat ed25519 edge edges edit editing effect effects egd egid ehlo eicar eintr either elapsed element
    elements elliptic else email emails emergency empty enable enablecache enabled enables enabling encapsulated
    enclosed encode encoded encoder encoding encountered encrypt encrypted encrypting encryption end ended endif ending
    endmsg endp endpoint ends enforce enforced engine enhanced enomem enosys enough enq enqueing enqueue enqueued
    enqueuing ens3 enter entered entering entire entries entropy entry entryname entrypoint envelope envid environment
    eob eof eoh epilogue epoll equal err errno error errors escape escaped escapes escaping esearch esmtp esmtpa esmtps
    esmtpsa essential establish established eta etc eth0 etrn etry euid eval evaluate evaluated even event events every
    everything everywhere evict exactly examine example examples exceed exceeded exceeds except exception excess
    excessive excessively exchange exchanger exclusion exclusive exclusively exec executable execute executed executes
    executing execution execve exist existence existent existing exists exit exited exiting exits exp expand expanded
    expanding expansion expect expectation expected expecting expects experience expiration expire expired expires
    explicit explicitly exploits exponential export exported exporter exporting exposed expr expression expunge
    expunged expunges expunging ext extend extended extends extension extensions external extlen extra extract
    extracted extracting extraction extraneous extref extype fac facility factor fail failed failing fails failure fall
    fallback falling false family fast fastbin fastbins faster fasttop fatal favor fchdir fchflags fchown fclose fcntl
    fd fds feature features feb february feedback fen fetch fetching few fewer ffdhe2048 ffdhe3072 ffdhe4096 field
    fields fifo file fileinto filename filenames filenum files filesystem filetype filled filter filtered filters fin
    final finalizing find finding fingerprint fingerprints finish finished finishing fire firewall first fitness five
    fix fixed fixing flag flagged flags flex floating flock flow flush flushed flushing fname folder followed following
    follows font footer fopen for forbidden force forcibly forcing foreach foreground forged forgot forgotten fork
    forked forking form format formats formatted formatter formatting formdata forward forwarded forwarder forwarding
    forwards found foundation four fragment fragmented frame framing free freed freeing freeze fri friday from fscanf
    fsck fscking fstat fsync fts full fully func function functionality functions further futex future fuzzer gain
    garbage gathered gathering gave gcm gconv gdbhelper gen generally generate generated generating generation
    generator generic get getaddrinfo getcwd gethostbyname getnameinfo getopts getpeername getpw getpwnam getrusage
    gets getsockname getspnam getting getwd gid give given giving glibc glob global gmail gmon gnu go goes going gone
    good goodbye gost got gotten grade grant graph greater greeted greeting greylist greylisted greylisting group
    groupid groups growing gssapi gtty guid had half hand handle handled handler handlers handling handshake handshaked
    handshaking hang hangup happen happened happens haproxy hard hardware has hash hashed hashes hashing hashtable have
    haven having head header headerless headername headers headersize headervalue heading held hellman hello helo help
    helper here hex hexblob hexchar hibernated hidden hiding hierarchy high higher highest highestmodseq hint history
    hit hits hmac hold holds home hook hopcount hope hops host hostip hostname hostnames hosts hot hour hours how html
    http https human hup hurts hyphen iat ibc ibm icu id ident identical identification identifier identify identity
    idle idx if iff ifs ignore ignored ignores ignoring illegal imap imapc imaps imjournal immediate immediately
    implement implementation implemented implements import important imported importer imposed impossible improper
    improved imuxsock in inactive inactivity inapplicable inappropriate inbound inbox inc incl inclpblk include
    included includes including incoming incompatible incomplete inconsistency inconsistent incorrect incorrectly
    increase increased incremental incrementing indeed independent index indexable indexed indexer indexes indexid
    indexing indicate indicates indication indicator individual inequality inet inexact infected inferior infinite
    infinity inflate info inform information init initial initialization initialize initialized initializing initially
    initiate initiated initiating injecting injection inode inodes inotify input inputname inputs insecure insensitive
    insert inserted inserting inserts inside inspect install installation installations installed installing instance
    instances instantiating instead instructions insufficient int integer integers integrity intend intended
    intentional interaction interactive interactively interface interfaces interim intermediate internal internally
    interoperable interpret interpretation interrupted interval into intro introduce introduced introduction
    introspection invalid inverted invoke invoked invokes io ioctl ioloop ioloops iostream ip ipc iptables ipv4 ipv6 is
    isn iss issue issued issuer issues issuing istream it item items iter iterate iterating iteration iterations
    iterators iterindex its itself jail jan janitor january job join joined joining journal journald json jul july jump
    jumped jun june junk just jwk jwt keep keepalive keeping keeps kept kernel kex key keyboard keyfile keyfiles
    keypair keys keyword keywords kick kicked kid kill killed killing kilobytes kind klog know known kty label labels
    lacks language large largebin larger last lastmsg lastp late later layers lazy lda ldap lead leading leads leaf
    leak leaked leaks learn least leave leaving left legacy len length lengths less let letter level levels lexer lhlo
    lib libcrypt libdovecot liblogging liblognorm libraries library license lifetime light like limit limited limiting
    limits line linear lines link linked linkedlist links linux lip list listed listen listener listeneres listeners
    listening listindex listing lists literal literals live lmdb lmtp lmtpd lo load loaded loading local localhost
    locally localpart locate location locations lock locked lockfile locking locks log logfile logged logging logic
    logical login logrotate logs long longer longjmp look lookahead looked looking looks lookup lookups loop looping
    loops lose losing loss lost lot lots low lower lowercase lowered lowest lport lseek lseq lstat lua luid lzma mac
    machine macro made madvise magic mail mailbox mailboxdir mailboxes maildir maildirlock maildirs maildirsize
    maildrop mailer mailq mails mailserver mailservers main maintainers mainthread major make makedefs makes making
    malformed malfunctions malicious malloc man manage management manager manages managesieve mandatory mangled
    manipulating manual many map mapname mapped mapper mapping maps maptype mar march mark marked marker marking
    marshalling mask masks master match matched matches matching max maxbuf maxconns maximum maxlen maxoutbuf may maybe
    mbox mcount md5 mda mdbox mean means mech mechanism mechanisms mechlist mechs median medium megabytes member
    members memcache memcached memory merely merge merged message messagelist messagepart messages messageset messaging
    meta metadata metatable method methods metric metrics microseconds mid middle might milliseconds milter milters
    mime mimepart min minimum minlen minor minsize minute minutes mirror mis misconfiguration mismatch mismatched
    mismatching misplaced miss missed missing mixed mixing mkdir mkdtemp mkstemp mktemp mmap mmaped mod mode model
    modes modifid modified modifier modify modifying modseq modseqs module modules mon monday monitor monitored
    monitors monstartup month more most mostly mount mounted move moved moving ms msecs msg msgid msgs mta mtime mtype
    much multi multibyte multiline multipart multiple multipleuids must mutex mutual mx mxs my mydestination myhostname
    mynetworks myorigin myself mysql name name1 named names nameservers namespace namespaces native nbr near nearly
    necessary need needed needlessly needs negative negotiated negotiation neither nested nesting netlink netmask nets
    netscape netstream netstring network networks neutral never new newaliases newer newline newly newsize newval next
    nexthop nextsize nextuid nfc nfs nftables nice nis no noauthenticate nobody nochange node nodetype nominal non
    nonallowed nonblocking none nonexistent nonexisting nonspacing nonstandard noop nop nopassword noqueue nor normal
    normality normalization normalize nostop not note nothing notice noticeable notification notifications notified
    notify nov november now npath nqmgr ntlm nul null nullok num number numbers numeric numerical numsize oauthbearer
    obj object objects obsolete obsoleted obtain obtained obtaining ocb occur occurred occurrence ocsp oct octal octet
    octets october of off offered offers offs offset offsets often oid ok old older oldest ommail on once one ones
    ongoing only oom oops open openarc openat opendir opendkim opendmarc opened opening openmetrics openssl operating
    operation operations operator opmode opportunistic opt optarg optimization optimize optimizer optimizing optind
    option optional optionally options or orcpt order ordering orig origin original originally os ostream other others
    otherwise otp our ours ourself out outbound outchannel outgoing outlook outname output outputs outside over
    overflow overflows overly overquota overridden override overrides overriding oversigned oversize overwrite
    overwriting overwritten own owned owner ownership ownerships p256 p384 p521 package packet pad padding page pages
    pam panic parallel param parameter parameters params parent parenthesis parse parsed parser parsers parsing part
    partial partially parts pass passdb passdbs passed passing passl passphrase passthrough passv passw passwd password
    passwords past patch path pathname pathnames paths pattern pausing payload peak peek peer peername peers pem
    penalty pending per percent percentage percentile perform performance performing performs perhaps period perists
    perm permanent permanently permerror permission permissions permit permited permitted perms persist persisted
    persistence persisting person pgsql phase phishing phys physical pick picking pickup picky pid pidfile ping pipe
    pipeline pipelined pipelines pipelining pix pkey place placed plain plaintext platform plausible please plug
    plugged plugin plugins plugname point pointer points policies policy policyd policyserver poll polling poly1305
    pong pool pop3 pop3s port portably portmapper ports pos position positional positioned positions positive posix
    possibilities possible possibly post postconf postfix postfwd postgrey posting postlog postlogd postmaster
    postmulti postscreen potential potentially prctl pre pread preamble preauth prec precache precedence precedes
    preceding precision predictable preempt pref preferred prefetch prefix prefixed prefixes prefixing pregreet
    premature prematurely prepare prepend prepended present presented preserve preserved press pretend prev prevent
    previous prf pri prifilt primary prime256v1 principal print printable prio priority priv private privileged
    privileges privs prng probability probably probe probes probing problem problems procedure proceeding process
    processed processes processing produces producing profile profiles profiling prog program programs progress
    prologue prompt prompts prop proper properly properties property propfilt protected protection proto protocol
    protocols provide provided provider providers provides proxied proxies proxy proxying proxymap proxywrite pseudo
    psize psk ptcp ptr pts public publickey publish pure purge purging push pushed put pwd qmgr qmqp qname qtype
    qualified quality quantum quarantine quarantined queries query querying queue queued queueing queues quickly quit
    quite quota quoted quotes race random randomfail randomly randomness range ranges rank rarely rate ratelimiter
    ratelimiting rather raw rawlog rawmsg rbl rbls rc4 rcmd rcpt rcvbuf rcvbufsize rcvd rdy reached read readable
    readdir reader reading readme reads ready real realloc reallocate really realm reappeared reason reasons reassign
    rebuild rebuilding rec recalculate recalculated recalculation receive received receiver receiving recent recently
    reception recip recipient recipients recognized recommended reconnect reconnected reconnecting record recorder
    records recover recoverable recovered recovering recovery recreate recreated recursion recursive recv recvfrom
    recvmmsg recvmsg redirect redirected redirecting redirects redis reduce reduced reducing redundant ref refcount
    refer reference references refers refresh refreshed refreshing refs refusal refuse refused refusing regcomp regex
    regexec regexp region regions register registered registering registerrpc registration regular reject rejected
    rejecting rejection relative relay relayed relaying release released reload reloaded reloading remainder remaining
    remember remind reminder remnants remote remove removed removing rename renamed renaming renegotiate renegotiating
    renegotiation renumbered renumbering reopen reopening repeat repeated repeatedly replace replaced replacement
    replaces replacing replicate replication replicator replied replies reply replying report reported reporting
    reports represent reputation request requested requesting requests require required requires requiring requisite
    res rescan rescanning research resend resending reserved reset resets resetting resolution resolvable resolve
    resolver resolves resort resource resources resp respond responded responding response rest restart restarted
    restarting restarts restore restricted restriction restrictions resubmission result resulted resulting results
    resume resumed resuming resync resyncing ret retained rethrown retire retirement retried retries retry retrying
    return returned returning returns reuse reuseaddr reused reusing reverse reversed reverting review revoke revoked
    rewrite rewriting rfc rfc2822 rfc822 rfs rhosts right rights ring rings rip rmdir rng robust robustness role
    rolling root rotated rotating rotation rounds routable route routine routines row rows rpc rport rquota rsa rseq
    rset rspamd rst rsyslog rsyslogd rule rulebase rules ruleset rulesets run running runs runtime rw rwx safe safety
    said same sample sasl saslauthd sasldb sat satisfactorily saturday save saved saves saving saw says sbin scache
    scale scan scanner sched schedule scheduled scheduling scheme scope score scram screening script scsv sct scts
    sdbox search searched searching sec second secondary seconds secp256r1 secp384r1 secp521r1 secret secrets secs
    section sections secure securely securepath security sed see seed seek seekable seeking seem seems seen sees
    segment select selectable selected selecting selector selects self semaphores send sender senderlist senders
    sending sendmail sendmsg sendto sense sensitive sent sep separate separated separately separator separators
    september seq seqno seqs sequence serialization serialize serializer server serverinfo servername servers service
    services servname session sessions set setcred seteuid setgid setgroups setlogin setpass setresgid sets setsid
    setsockopt setspecific setting settingnot settings setugid setuid setup severed severity sha sha1 sha224 sha256
    sha384 sha512 shadow shall share shared sharing shell shells shift short shorter shot should show showing shown
    showq shrank shrink shut shutdown shuts shutting siblings sid side sides sieve sigaction sigalg sigalgs sigalrm
    sigaltstack sigchld sigdelay siggetmask sighup sigint sigkill sign signal signaling signalled signature signatures
    signed significant signing sigpipe sigprocmask sigqueue sigresume sigreturn sigstack sigterm sigttin sigttou
    silently similar simple simplify simply simultaneous since single sis site sites situation size sized sizeof sizes
    skip skipped skipping skips slash slashes sleep sleeping slewing slink slot slots slow small smallbin smaller
    smashing smtp smtpd smtps smtputf8 snapshot sndbuf sni snowball so soa sock socket socketmap socketpair sockets
    soft softfail software solaris solution solved some someone something somewhat somewhere soon sorry sort sorted
    sorting source sources space spam spamassassin spamc spamd spamming spawn spec special specific specification
    specified specifiedfor specifier specifies specify specifying speed spf spid spki splice split splitting spool
    spooled spt spurious sql sqlite sqlite3 squat src srp srs srtp srv ssf ssh ssh1 ssh2 ssha sshd ssl sslv2 sslv3
    stable stack stage stages stale stalled stamp stamps standalone standard start started starting startmsg starttls
    startup stat state statefile stateful statement statements states static statistics stats status stddev stderr
    stdin stdio stdlog stdout stemmer step steps still stmt stmts stock stop stopped stopping stops stopword stopwords
    storage storages store stored strange stray strdup stream streamdriver streamed streaming streams strerror stress
    string strings stripping strlen strmap strong stronger struct structure structured stty stub stubbed stubbing stuck
    stuffing style sub subcommand subcommands subject submatch submission submissions submit submitted submitting
    subobjs subscribe subscribed subscript subscription subscriptions subsection subsequent subshell substitute
    substitution substring subsystem subtract subtree succeeded success successful successfully such sudo sufficient
    suffix suggest suggested suitable suite suiteb sum sun sunday superuser supplemental supplied support supported
    supporting supports suppressed sure surrogate survivor susp suspended suspending suspension suspicious swap switch
    switching symbolic symbols symlink symlinks syn sync synced synchronization synchronized synchronizing syncing
    syntax syscall syslog syslogd syslogfacility syslogseverity system systemd systems tab table tables tag tagged
    tagging tags tail take taken takes taking talk talking target tarpit tcache tcp tcpsrv tcpwrap tearing tee telling
    tells temp temperror tempfail tempfailed template templates tempnam temporarily temporary term terminal terminate
    terminated terminates terminating termination terminator test testing tests text than that the their them then
    there these they things thinks this those though thread threads three throttle throttled throttling through thu
    thursday thus ticket tickets tid tight time timed timedlock timeout timeouts timer times timestamp timestamps
    timeval timezone tkill tlen tls tls1 tlsa tlsmgr tlsproxy tlsv1 tmp tmpnam to todo together tok token tokener
    tokeninfo tokenize tokenizer tokens told too took top tos total touch touched trace traced tracking traditional
    traffic trailer trailing transaction transactional transactions transcript transfer transferring transient
    transitional transitioned transitioning translating transliterator transport trap trapped trash treat treated
    treating tree trees trie tried tries trigger triggers trim trivial trouble troubles true truncate truncated
    truncating truncation trust trusted try trying ttl tty tue tuesday tunnel turn turned turning twice two txt typ
    type types typically typo udp ufw uid uidl uidlist uidnext uids uidvalidity uint ulimit umask unable unaligned
    unallocated uname unapproved unary unauthenticated unauthorized unavailable unbalanced unbound unchanged uncoded
    uncommitted uncompressed uncompression unconditional unconfigured unconfirmed unconnected undeclared undefined
    undeliverable undelivered under underlying undesired undo unexpansion unexpected unexpectedly unfinished unfixable
    unfortunately unhandled unhappy unhelpful unicode uninitialized unique unit units unix unknown unless unlikely
    unlimited unlink unlinked unlinking unload unloaded unloading unlock unlocked unmatched unobtainable unordered
    unpredictable unprivileged unprocessed unprovided unreachable unreached unread unreadable unreasonable unrecognized
    unregister unregistered unregistering unresolvable unresponsive unrouteable unsafe unseen unset unsetting unsigned
    unsolicited unsorted unspecified unsubscribe unsubscribed unsubscribes unsubscribing unsuccessful unsupported
    untagged until untrusted unusable unverified unwanted unwinding up upd update updated updates updating upgrade
    upgrading upon upper uppercase urandom urgent urgp uri url urlauth us usable usage usascii use used useful useless
    usepid user userdb userdbs userid userinfo username users uses using usr usually utc utf utf8 util utility val
    valid validate validated validating validation validity value valued values var variable variables variants
    variation variety verification verified verifier verifies verify verp vers version versions very vhost vhosts via
    victim view violates violation virtual virus viruses visit void vrfy vs vsnprintf wait waited waiting waitpid
    wakeup walk want wanted wants warn warning warnings warranty was wasn wastes watch watchdog watched water watermark
    watermarks we weak weakness wed wednesday weekday weight weird welcome well went were what whatever whatsoever when
    where which while whitelist whitelisted whitespace whole whose why wide widely wider width wild wildcard will
    winbind window windows with within without woke won work workaround workarounds worked worker workers working world
    worthy would wrapper wrappermode writable write writeable writer writing written wrong wrote x25519 x448 x509
    xclient xforward xoauth2 xtext xverp year yes yet you your ypserv zen zero zeroes zeroing zip ziplevel zlib zstd
    """.split()
)
"""In lower case. Of Postfix, Dovecot, Cyrus SASL, OpenSSL, rsyslog, PAM, cron, sshd, mail filters, and replies."""
