#!/bin/sh
# greet.sh says hello.
found=$(sh greet.sh Ada)
if [ "$found" != 'Hello, Ada!' ]; then
    echo "expected: Hello, Ada!"
    echo "found:    $found"
    exit 1
fi
