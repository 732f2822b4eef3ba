/* SPDX-License-Identifier: Apache-2.0 */
/* What no language but C sees: function pointers do not cross the border, and setters of specs are
 * not needed where a spec is read from JSON. */
%rename("$ignore", regexmatch$name="^llmd_[a-z_]+_spec_set$") "";
%ignore llmd_context_set_poll;
%ignore llmd_task_run;
%ignore llmd_log_set;
%ignore LLMD_VERSION;
%ignore LLMD_VERSION_MAJOR;
%ignore LLMD_VERSION_MINOR;
%ignore LLMD_VERSION_PATCH;
