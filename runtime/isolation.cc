// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolation.h"

#include <fmt/format.h>
#include <unistd.h>

namespace shale::runtime {

namespace {

// One id of the map's, which needs no helper to be mapped.
void keep_one_id(IdMaps& maps) {
  maps.uids = {{0, ::geteuid(), 1}};
  maps.gids = {{0, ::getegid(), 1}};
  maps.kind = IdMaps::Kind::kSingle;
}

Error full_refused(const IdMaps& maps) {
  Error error(ErrorKind::kUnsupported, "isolation full needs a range of ids: " + maps.single_reason);
  for (const std::string& hint : maps.single_hints) error.add_hint(hint);
  return error;
}

Error needs_root(Isolation isolation) {
  return Error(ErrorKind::kUnsupported,
               fmt::format("isolation {} needs root with its capabilities, and this is user id {}",
                           isolation_name(isolation), ::geteuid()))
      .hint("--isolation=single builds with the one id you have");
}

}  // namespace

BuildNamespaces BuildIsolation::namespaces() const {
  switch (isolation) {
    case Isolation::kFull:
    case Isolation::kSingle:
      return BuildNamespaces::kUserAndMount;
    case Isolation::kMountNamespace:
      return BuildNamespaces::kMount;
    case Isolation::kChroot:
    case Isolation::kNone:
      break;
  }
  return BuildNamespaces::kNone;
}

Result<BuildIsolation> plan_isolation(std::optional<Isolation> wanted) {
  BuildIsolation plan;
  ASSIGN_OR_RETURN(plan.maps, plan_id_maps());
  const bool one_id = plan.maps.kind == IdMaps::Kind::kSingle;
  plan.isolation = wanted.value_or(one_id ? Isolation::kSingle : Isolation::kFull);
  switch (plan.isolation) {
    case Isolation::kFull:
      if (one_id) return fail(full_refused(plan.maps));
      break;
    case Isolation::kSingle:
      if (one_id && !wanted) {
        Error reason(ErrorKind::kUnsupported, plan.maps.single_reason);
        for (const std::string& hint : plan.maps.single_hints) reason.add_hint(hint);
        plan.reasons.push_back(std::move(reason));
      }
      keep_one_id(plan.maps);
      break;
    case Isolation::kMountNamespace:
    case Isolation::kChroot:
      if (::geteuid() != 0) return fail(needs_root(plan.isolation));
      // Nothing is mapped: root has them even without the capabilities that a map would need.
      if (plan.maps.kind != IdMaps::Kind::kIdentity) {
        ASSIGN_OR_RETURN(plan.maps, own_ids());
      }
      break;
    case Isolation::kNone:
      if (plan.maps.kind != IdMaps::Kind::kIdentity) keep_one_id(plan.maps);
      break;
  }
  return plan;
}

}  // namespace shale::runtime
