// SPDX-License-Identifier: Apache-2.0
// The hosts that people have, and what they are told: one row each.
#include "runtime/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include <cerrno>
#include <functional>

#include "runtime/namespace_error.h"

namespace shale::runtime {
namespace {

using testing::HasSubstr;

HostFinding finding(const Examination& examination, const std::string& name) {
  for (HostFinding& one : diagnose(examination))
    if (one.name == name) return one;
  ADD_FAILURE() << "no finding '" << name << "'";
  return {};
}

struct Row {
  const char* host;
  int error;
  std::function<void(Examination&)> change;
  const char* cause;
  const char* remedy;
};

TEST(Diagnosis, UserNamespacesNameOneCause) {
  const Row rows[] = {
      {"docker, default profile", EPERM,
       [](Examination& e) {
         e.unshare_refused = e.facts.seccomp_filter = true;
         e.facts.container = "docker";
       },
       "a seccomp filter refuses unshare(2)", "docker run --security-opt seccomp=unconfined"},
      {"podman", EPERM,
       [](Examination& e) {
         e.unshare_refused = true;
         e.facts.container = "podman";
       },
       "seccomp", "podman run --security-opt seccomp=unconfined"},
      {"a pod with RuntimeDefault", EPERM,
       [](Examination& e) {
         e.unshare_refused = e.facts.seccomp_filter = true;
         e.facts.container = "kubernetes";
       },
       "a seccomp filter", "seccompProfile: {type: Unconfined}"},
      {"a chroot in docker: the filter comes first", EPERM,
       [](Examination& e) { e.unshare_refused = e.facts.in_chroot = true; }, "a seccomp filter",
       "seccomp=unconfined"},
      {"a chroot under a filter that lets unshare(2) pass", EPERM,
       [](Examination& e) { e.facts.in_chroot = e.facts.seccomp_filter = true; }, "in a chroot",
       "pivot_root"},
      {"a chroot that nothing shows", EPERM, [](Examination& e) { e.facts.uid = 1000; },
       "most likely this process is in a chroot", "pivot_root"},
      {"user.max_user_namespaces=0", ENOSPC, [](Examination& e) { e.facts.max_user_namespaces = 0; },
       "user.max_user_namespaces is 0", "sysctl -w user.max_user_namespaces=10000"},
      {"old Debian", EPERM, [](Examination& e) { e.facts.unprivileged_userns_clone = 0; },
       "kernel.unprivileged_userns_clone is off", "sysctl -w kernel.unprivileged_userns_clone=1"},
      {"Ubuntu 24.04", EACCES, [](Examination& e) { e.facts.apparmor_restrict_unprivileged_userns = 1; },
       "AppArmor", "/etc/apparmor.d/shale"},
      {"a pod that runs as root and drops all capabilities", EPERM,
       [](Examination& e) { e.facts.container = "kubernetes"; }, "without the capability SETFCAP",
       "runAsUser: 1000"},
      {"SELinux", EACCES, [](Examination& e) { e.facts.selinux_enforcing = true; }, "SELinux", "setsebool"},
      {"a kernel without", EINVAL, [](Examination&) {}, "CONFIG_USER_NS", "kernel"},
  };
  for (const Row& row : rows) {
    Examination examination;
    examination.facts.kernel = "6.1.0";
    examination.user_namespace = Error::system(row.error, "create the build's user namespace");
    row.change(examination);
    const HostFinding found = finding(examination, "user namespaces");
    EXPECT_EQ(found.state, HostFinding::State::kBad) << row.host;
    EXPECT_THAT(found.text, HasSubstr(row.cause)) << row.host;
    EXPECT_THAT(found.remedy, HasSubstr(row.remedy)) << row.host;
    EXPECT_EQ(found.remedy.find('\n'), std::string::npos) << row.host;
  }
}

TEST(Diagnosis, RootIsNotStoppedByTheSwitchForOrdinaryUsers) {
  Examination examination;
  examination.facts.unprivileged_userns_clone = 0;
  examination.facts.capabilities = std::uint64_t{1} << CAP_SYS_ADMIN;
  examination.facts.in_chroot = true;
  examination.user_namespace = Error::system(EPERM, "create the build's user namespace");
  EXPECT_THAT(finding(examination, "user namespaces").text, HasSubstr("in a chroot"));
}

// Another limit than that of this namespace, which may be far from reached.
TEST(Diagnosis, LimitsAroundANamespaceAreNotTakenForItsOwn) {
  Examination examination;
  examination.facts.max_user_namespaces = 96365;
  examination.user_namespace = namespace_error(ENOSPC, "create the build's user namespace");
  EXPECT_EQ(examination.user_namespace->kind(), ErrorKind::kUnsupported);
  const HostFinding found = finding(examination, "user namespaces");
  EXPECT_THAT(found.text, HasSubstr("the limit of namespaces is reached"));
  EXPECT_THAT(found.remedy, HasSubstr("user.max_*_namespaces"));
}

TEST(Diagnosis, WhatAMountNamespaceAloneAllowsIsTried) {
  Examination examination;
  examination.user_namespace = Error::system(EPERM, "create the build's user namespace");
  EXPECT_THAT(finding(examination, "overlayfs on the store").text, HasSubstr("not tried"));
  examination.chosen.isolation = Isolation::kMountNamespace;
  EXPECT_THAT(finding(examination, "overlayfs on the store").text, HasSubstr("works"));
  EXPECT_THAT(finding(examination, "a fresh /proc").text, HasSubstr("can be mounted"));
}

TEST(Diagnosis, AGoodHostNeedsNothing) {
  Examination examination;
  examination.facts.kernel = "6.12.1";
  examination.maps.kind = IdMaps::Kind::kFull;
  examination.maps.uids = {{0, 1000, 1}, {1, 100000, 65536}};
  examination.seccomp_notify = true;
  examination.landlock_abi = 6;
  for (const HostFinding& one : diagnose(examination)) {
    EXPECT_NE(one.state, HostFinding::State::kBad) << one.name;
    EXPECT_NE(one.state, HostFinding::State::kLimited) << one.name << ": " << one.text;
    EXPECT_EQ(one.remedy, "") << one.name;
  }
  EXPECT_EQ(finding(examination, "range of ids").text, "65537 ids");
}

TEST(Diagnosis, MissingRangesComeWithTheLineToAdd) {
  Examination examination;
  examination.maps.single_reason = "user a has no range of subordinate ids in /etc/subuid";
  examination.maps.single_hints = {"as root, add the line 'a:100000:65536' to /etc/subuid"};
  const HostFinding found = finding(examination, "range of ids");
  EXPECT_EQ(found.state, HostFinding::State::kLimited);
  EXPECT_THAT(found.remedy, HasSubstr("a:100000:65536"));
}

TEST(Diagnosis, AVolumeForTheStoreCanBeWrittenByItsUser) {
  Examination examination;
  examination.overlay = Error::system(EINVAL, "mount overlayfs on the store's file system");
  examination.facts.container = "docker";
  const auto remedy = [&] { return finding(examination, "overlayfs on the store").remedy; };
  EXPECT_EQ(remedy(), "docker run -v shale:/var/lib/shale -e SHALE_ROOT=/var/lib/shale …");
  examination.facts.uid = 1000;
  EXPECT_EQ(remedy(),
            "docker run -v DIRECTORY:/var/lib/shale -e SHALE_ROOT=/var/lib/shale … with an empty DIRECTORY "
            "that belongs "
            "to user 1000");
  examination.facts.container = "podman";
  EXPECT_EQ(remedy(), "podman run -v shale:/var/lib/shale -e SHALE_ROOT=/var/lib/shale …");
  examination.facts.container = "kubernetes";
  EXPECT_EQ(remedy(), "give the pod an emptyDir volume for the store, and SHALE_ROOT a new directory in it");
}

TEST(Diagnosis, ARangeIsOfNoUseWhereTheStoreKeepsNoFilesOfIt) {
  Examination examination;
  examination.maps.kind = IdMaps::Kind::kFull;
  examination.maps.uids = {{0, 1000, 1}, {1, 100000, 65536}};
  examination.store_file_system = "nfs";
  examination.giving = Error::system(EPERM, "give a file in the store to a subordinate id");
  const HostFinding found = finding(examination, "range of ids");
  EXPECT_EQ(found.state, HostFinding::State::kLimited);
  EXPECT_THAT(found.text, HasSubstr("65537 ids, but nfs keeps no files of theirs"));
  EXPECT_THAT(found.remedy, HasSubstr("--root"));
}

TEST(Diagnosis, NewuidmapUnderNoNewPrivs) {
  Examination examination;
  examination.maps.kind = IdMaps::Kind::kFull;
  examination.id_range = Error(ErrorKind::kPermission, "newuidmap could not map the build's ids: no");
  EXPECT_THAT(finding(examination, "range of ids").remedy, HasSubstr("setcap cap_setuid+ep"));
  examination.facts.no_new_privs = true;
  EXPECT_THAT(finding(examination, "range of ids").remedy, HasSubstr("NoNewPrivileges=no"));
  examination.facts.container = "kubernetes";
  EXPECT_THAT(finding(examination, "range of ids").remedy, HasSubstr("allowPrivilegeEscalation: true"));
  examination.facts.container = "docker";
  EXPECT_THAT(finding(examination, "range of ids").remedy,
              HasSubstr("docker run --security-opt no-new-privileges=false"));
  examination.facts.container.clear();
  examination.facts.no_new_privs = false;
  examination.facts.uid = 7;
  examination.id_range =
      Error(ErrorKind::kPermission, "newuidmap: Target process 8 is owned by a different user: gid");
  EXPECT_THAT(finding(examination, "range of ids").remedy, HasSubstr("newgrp"));
  examination.facts.container = "podman";
  EXPECT_THAT(finding(examination, "range of ids").remedy, HasSubstr("podman run --user 7:GROUP"));
}

TEST(Diagnosis, UnderNoNewPrivsARangeIsNotAllThatIsMissing) {
  Examination examination;
  examination.maps.kind = IdMaps::Kind::kSingle;
  examination.maps.single_reason = "user app has no range of subordinate ids in /etc/subuid";
  examination.maps.single_hints = {"as root: usermod --add-subuids 100000-165535 app"};
  EXPECT_EQ(finding(examination, "range of ids").remedy, examination.maps.single_hints.front());
  examination.facts.no_new_privs = true;
  examination.facts.container = "kubernetes";
  const HostFinding found = finding(examination, "range of ids");
  EXPECT_THAT(found.text, HasSubstr("no_new_privs is set"));
  EXPECT_THAT(found.remedy, HasSubstr("usermod"));
  EXPECT_THAT(found.remedy, HasSubstr("allowPrivilegeEscalation: true"));
}

TEST(Diagnosis, OverlayOnOverlayAsksForAVolume) {
  Examination examination;
  examination.facts.container = "docker";
  examination.store_file_system = "overlayfs";
  examination.overlay = Error::system(EINVAL, "mount overlayfs on the store's file system");
  const HostFinding found = finding(examination, "overlayfs on the store");
  EXPECT_EQ(found.state, HostFinding::State::kLimited);
  EXPECT_THAT(found.text, HasSubstr("not on overlayfs"));
  EXPECT_THAT(found.remedy, HasSubstr("docker run -v"));
}

TEST(Diagnosis, TheAppArmorProfileIsForThisProgram) {
  Examination examination;
  examination.facts.apparmor_restrict_unprivileged_userns = 1;
  examination.user_namespace = Error::system(EACCES, "set up the build's mount namespace");
  examination.program = "/opt/a b/shale";
  EXPECT_THAT(finding(examination, "user namespaces").remedy,
              HasSubstr("profile shale \"/opt/a b/shale\" flags"));
  for (const char* odd : {"/opt/it's/shale", "/opt/%s/shale", "/opt/a*/shale", ""}) {
    examination.program = odd;
    EXPECT_THAT(finding(examination, "user namespaces").remedy, HasSubstr("\"/usr/bin/shale\"")) << odd;
  }
}

TEST(Diagnosis, AbstractSocketsAreReachedWhereNothingIsKeptApart) {
  Examination examination;
  examination.landlock_abi = 6;
  EXPECT_EQ(finding(examination, "abstract sockets").state, HostFinding::State::kGood);
  examination.chosen.isolation = Isolation::kChroot;
  EXPECT_EQ(finding(examination, "abstract sockets").state, HostFinding::State::kInfo);
  EXPECT_THAT(finding(examination, "abstract sockets").text, HasSubstr("can be reached by RUN"));
  examination.chosen.isolation = Isolation::kNone;
  EXPECT_THAT(finding(examination, "abstract sockets").text, HasSubstr("nothing can be run"));
  examination.chosen.isolation = Isolation::kFull;
  examination.landlock_abi = 5;
  EXPECT_THAT(finding(examination, "abstract sockets").text, HasSubstr("can be reached by RUN"));
}

TEST(Diagnosis, OldKernelsAreNamed) {
  Examination examination;
  examination.facts.kernel = "5.10.0-28-amd64";
  EXPECT_EQ(finding(examination, "kernel").state, HostFinding::State::kBad);
  examination.facts.kernel = "5.12.0";
  EXPECT_EQ(finding(examination, "kernel").state, HostFinding::State::kGood);
}

TEST(HostFacts, AChrootHasNoMountAtItsRoot) {
  EXPECT_FALSE(shows_a_chroot({{.target = "/"}, {.target = "/proc"}}));
  EXPECT_TRUE(shows_a_chroot({{.target = "/proc"}}));
  EXPECT_TRUE(shows_a_chroot({}));
}

}  // namespace
}  // namespace shale::runtime
