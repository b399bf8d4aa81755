// SPDX-License-Identifier: Apache-2.0
// "Did you mean …?" for the rooms of the library; declared where the command line sees it too.
#pragma once

#include "shale/suggest.h"  // IWYU pragma: export
