#!/bin/sh
# count.sh counts words.
found=$(printf 'one two\nthree\n' | sh count.sh)
if [ "$found" != 3 ]; then
    echo "expected: 3"
    echo "found:    $found"
    exit 1
fi
