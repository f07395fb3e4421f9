"""What happened: facts, and the log that keeps them.

An event is a fact about the past, written once and never changed. Everything else in the
product is a fold of events. Read this folder in this order:

``errors``              everything that can go wrong here, as one tree
``document/facts``      the events of a document's life
``document/evolve``     what they add up to: a document's state
``document/decisions``  which events may follow: the rules
``store``               the promise every log keeps, and its words
``codec``               a fact as canonical JSON, and back
``intake``              may this append be stored, and as which bytes?
``heads``, ``chain``    which appends are in, at which positions, under which seal
``decoding``            a stored event as a fact, or as one that cannot be read
``privacy``             where personal fields are sealed and opened
``verify``              do these stored events keep the promise?
``memory``, ``sql``     the log in a list, and in a database
``appending``           what an append says to a database between lock and commit
``reading``             what a reader asks it
``database``            what is asked of a database; ``sqlite`` and ``postgres`` answer
``wal``                 when SQLite's write-ahead log goes back into the file
``hints``               how nodes on one PostgreSQL hear of each other's appends
``batching``            group commit: waiting appends share one durable commit
``follow``              the one way anybody reads the log forward
"""
