"""A document's life, and nothing else: no clock, no chance, no I/O.

``facts``      the events, as they are stored
``state``      a document, as the rules see it
``evolve``     a document after one more event
``policy``     how patient we are: attempts, delays, leases
``answers``    what we answer QStash
``attempts``   how an attempt goes on and ends
``decisions``  every other rule: state and circumstances in, events out
``receipt``    a signed delivery arrives: may work start?
``duties``     what a document waits for, and when we must step in ourselves
"""
