// The sections of config.toml that have names of their own: [backends.ID], [mcp.NAME],
// [hooks.NAME], [jobs.NAME].
#pragma once

#include <string>
#include <vector>

#include "node/config.h"
#include "node/config_field.h"

namespace node {

const std::vector<Field<BackendConfig>>& backend_keys();
const std::vector<Field<JobConfig>>& job_keys();

/// Reads one such section into `config`. kInvalid names the line, or what the section lacks.
base::Result<void> read_backend_section(Config& config, const std::string& id,
                                        const toml::table& table, const std::filesystem::path& dir);
base::Result<void> read_mcp_section(Config& config, const std::string& name,
                                    const toml::table& table, const std::filesystem::path& dir);
base::Result<void> read_hook_section(Config& config, const std::string& name,
                                     const toml::table& table, const std::filesystem::path& dir);
base::Result<void> read_job_section(Config& config, const std::string& name,
                                    const toml::table& table, const std::filesystem::path& dir);
/// kInvalid for jobs that cannot be offered side by side, or by these agents and backends. For a
/// configuration that is otherwise read and checked.
base::Result<void> check_jobs(const Config& config);

}  // namespace node
