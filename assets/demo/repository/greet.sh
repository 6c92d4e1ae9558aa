#!/bin/sh
# Greets somebody: greet.sh NAME
echo "Helo, ${1:-world}!"
