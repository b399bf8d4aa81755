// SPDX-License-Identifier: Apache-2.0
// Templates of docker's --format: "{{.Repository}}:{{.Tag}}", "{{json .Config}}".
#pragma once

#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale {

// `pattern` with what stands between "{{" and "}}" replaced by what it gives for the JSON value `json`. The
// part of Go's text/template that people write on command lines:
//   .  .A.B  $  "text"  42  (…)  A | B
//   if, with, else, range (also "range $k, $v := X"), end, and "{{-", "-}}" that take blanks along
//   json, len, index, slice, join, split, lower, upper, truncate, print, println, printf, eq, ne, and, or,
//   not
// Values are printed as Go prints them: [a b], map[k:v]. A field that is not there is an error (kUsage) that
// names the nearest.
Result<std::string> fill_template(std::string_view pattern, std::string_view json);

}  // namespace shale
