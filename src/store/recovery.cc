// SPDX-License-Identifier: Apache-2.0
#include "store/recovery.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <unordered_set>
#include <vector>

#include "store/database.h"
#include "sys/files.h"

namespace shale::store {

namespace {

Result<std::unordered_set<std::string>> column(Database& database, std::string_view sql) {
  std::unordered_set<std::string> values;
  ASSIGN_OR_RETURN(Statement statement, database.prepare(sql));
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return values;
    values.insert(statement.text(0));
  }
}

Result<bool> same_boot(StoreContext& context) {
  ASSIGN_OR_RETURN(Statement statement,
                   context.database->prepare("SELECT value FROM meta WHERE name = 'boot_id'"));
  ASSIGN_OR_RETURN(const bool row, statement.step());
  return row && statement.text(0) == context.boot_id;
}

Status sweep_layers_locked(StoreContext& context) {
  ASSIGN_OR_RETURN(const auto known, column(*context.database, "SELECT id FROM layers"));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(context.layers.get()));
  for (const std::string& name : names)
    if (!known.contains(name)) RETURN_IF_ERROR(move_to_trash(context, "layers/" + name));
  return {};
}

Status sweep_blobs_locked(StoreContext& context) {
  ASSIGN_OR_RETURN(const auto known, column(*context.database, "SELECT digest FROM blobs"));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(context.blobs.get()));
  for (const std::string& name : names) {
    if (known.contains(name)) continue;
    if (::unlinkat(context.blobs.get(), name.c_str(), 0) != 0 && errno != ENOENT)
      return fail_errno(errno, fmt::format("remove the unfinished blob '{}'", name));
  }
  return {};
}

}  // namespace

Status recover_after_boot(StoreContext& context) {
  ASSIGN_OR_RETURN(const bool same, same_boot(context));
  if (same) return {};
  Database& database = *context.database;
  ASSIGN_OR_RETURN(Transaction transaction, database.begin(Database::Durability::kSynced));
  ASSIGN_OR_RETURN(const bool done_meanwhile, same_boot(context));
  if (done_meanwhile) return {};  // by another process, while we waited for the lock
  const std::string_view boot = context.boot_id;
  RETURN_IF_ERROR(database.run("DELETE FROM layers WHERE durable = 0 AND boot_id <> ?", boot));
  RETURN_IF_ERROR(database.run("DELETE FROM blobs WHERE durable = 0 AND boot_id <> ?", boot));
  // Files go after their rows. Dying in between rolls the rows back, and finds directories missing: so the
  // rows are checked against the directories as well.
  ASSIGN_OR_RETURN(const auto recorded, column(database, "SELECT id FROM layers"));
  for (const std::string& id : recorded)
    if (!sys::exists_at(context.layers.get(), id + "/fs"))
      RETURN_IF_ERROR(database.run("DELETE FROM layers WHERE id = ?", std::string_view(id)));
  ASSIGN_OR_RETURN(const auto blobs, column(database, "SELECT digest FROM blobs"));
  for (const std::string& digest : blobs)
    if (!sys::exists_at(context.blobs.get(), digest))
      RETURN_IF_ERROR(database.run("DELETE FROM blobs WHERE digest = ?", std::string_view(digest)));
  RETURN_IF_ERROR(sweep_layers_locked(context));
  RETURN_IF_ERROR(sweep_blobs_locked(context));
  RETURN_IF_ERROR(database.run("INSERT OR REPLACE INTO meta (name, value) VALUES ('boot_id', ?)", boot));
  return transaction.commit();
}

Status sync_published(StoreContext& context) {
  Database& database = *context.database;
  const auto last_unsynced = [&](std::string_view sql) -> Result<std::int64_t> {
    ASSIGN_OR_RETURN(Statement statement, database.prepare(sql));
    RETURN_IF_ERROR(statement.step());
    return statement.integer(0);  // max() of nothing is NULL, read as 0
  };
  // Taken before the sync: what is recorded meanwhile is not covered by it.
  ASSIGN_OR_RETURN(const std::int64_t layer, last_unsynced("SELECT max(seq) FROM layers WHERE durable = 0"));
  ASSIGN_OR_RETURN(const std::int64_t blob, last_unsynced("SELECT max(seq) FROM blobs WHERE durable = 0"));
  if (layer == 0 && blob == 0) return {};
  const std::string_view boot = context.boot_id;
  if (::syncfs(context.root.get()) != 0) {
    // The kernel reports a lost write once; a second sync that succeeds proves nothing (as PostgreSQL learnt
    // in 2018). Without a boot id the rows can never become durable, and the next boot drops them.
    const int error = errno;
    (void)database.run(
        "UPDATE layers SET boot_id = '' WHERE durable = 0");  // the sync's error is the one to report
    (void)database.run("UPDATE blobs SET boot_id = '' WHERE durable = 0");
    return fail_errno(error, fmt::format("sync the file system of the store '{}'", context.root_path));
  }
  ASSIGN_OR_RETURN(Transaction transaction, database.begin());
  RETURN_IF_ERROR(database.run("UPDATE layers SET durable = 1 WHERE durable = 0 AND seq <= ? AND boot_id = ?",
                               layer, boot));
  RETURN_IF_ERROR(database.run("UPDATE blobs SET durable = 1 WHERE durable = 0 AND seq <= ? AND boot_id = ?",
                               blob, boot));
  return transaction.commit();
}

Status sweep_unrecorded_layers(StoreContext& context) {
  // publish() renames and records under the same lock: none of its directories can be seen here without a
  // row.
  ASSIGN_OR_RETURN(Transaction transaction, context.database->begin());
  RETURN_IF_ERROR(sweep_layers_locked(context));
  return transaction.commit();
}

}  // namespace shale::store
