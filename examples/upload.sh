#!/bin/sh
# Uploads a PDF with curl, waits on the live feed until it has ended, and prints its text.
# usage: examples/upload.sh FILE.pdf [http://HOST:PORT]
set -eu
file=$1
server=${2:-http://127.0.0.1:8321}

# The answer comes at once, with the document's address in the header Location.
place=$(curl --fail-with-body --silent --show-error --output /dev/null --write-out '%header{location}' \
    --form "file=@\"$file\";type=application/pdf" "$server/v1/documents")

# With until=done the server closes the stream as soon as the document is final.
curl --fail-with-body --silent --show-error --no-buffer "$server/v1/feed?doc=${place##*/}&until=done" >&2

curl --fail-with-body --silent --show-error "$server$place/text"
