#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Without a Dockerfile the error names what was looked for, and where.
. "$(dirname "$0")/lib.sh"
fails 2 build .
has Dockerfile
fails 2 build -f other/Dockerfile .
has other/Dockerfile
fails + build "$T/no-such-context"
has no-such-context
