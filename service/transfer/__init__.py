"""A log leaves its database, and comes back.

``lines``      an event as a line of JSON that keeps the stored bytes, and back
``rows``       an event as a row for analysts
``revealing``  what was sealed in it, opened for analysts
``targets``    what every kind of export can do: go on where it stopped
``line_file``, ``csv_file``, ``parquet_folder``    the kinds
``export``     from the log to a target, page by page
``restore``    from lines into an empty log
``key_file``   the keys of what is sealed, as a file of their own
``verifying``  from the log to a verdict
"""
