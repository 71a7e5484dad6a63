// One program for each of the seven agents.
#include "orchestration/programs/catalogue_parts.h"
#include "orchestration/programs/delegation.h"

namespace orchestration {
namespace {

Program delegation() {
  Field agents{.name = "available_agents", .about = "those who can be given the task: id, purpose, what they may do", .shape = Shape::kJson};
  Field load{.name = "current_workload", .about = "tasks at work and waiting, by agent", .shape = Shape::kJson, .required = false};
  return {.signature = {.id = "delegation",
                        .agent = "sisyphus",
                        .instruction = "Choose who does this task. Make it the smallest piece of work that stands by itself. What is to be "
                                       "seen on a screen goes to frontend, documents of the outside world to librarian, finding things in "
                                       "this workspace to explore, hard design questions to oracle. A task that is trivial or spelled out "
                                       "to the letter is done directly. Name a second choice that differs from the first.",
                        .inputs = {text("task_description", "what is to be done"), agents, load},
                        .outputs = {text("assigned_agent", "id of one of available_agents, or direct", 64),
                                    text("task_refinement", "the task, its outcome, what must and must not be done", 4096),
                                    text("expected_deliverables", "what will be handed over", 2048),
                                    text("fallback_agent", "id of another one, or direct", 64),
                                    share("confidence", "how sure this choice is"), text("reason", "why, in a sentence", 1024)},
                        .max_output_tokens = 600,
                        .cached = false},
          .fallback = delegate_by_rules,
          .about = "who does a task"};
}

Program architecture() {
  return {.signature = with_reasoning(
              {.id = "architecture",
               .agent = "oracle",
               .instruction = "Advise on the design. Say what the requirements come to, how they fit what is there, which options "
                              "there are and what each costs, recommend one, and name what can go wrong.",
               .inputs = {text("requirements", "what is needed"), json("existing_architecture", "what is there", false),
                          text("constraints", "what cannot be changed", 8192, false)},
               .outputs = {markdown("proposed_changes", "what to change, in order"), markdown("tradeoffs", "what each option costs"),
                           markdown("risks", "what can go wrong, and how one would notice"),
                           choice("complexity", "how hard it is", {{"LOW", {}}, {"MEDIUM", {}}, {"HIGH", {}}, {"CRITICAL", {}}})},
               .max_output_tokens = 4000}),
          .fallback = {},
          .about = "advice on a design"};
}

Program library_lookup() {
  return {.signature = {.id = "library-lookup",
                        .agent = "librarian",
                        .instruction = "Answer from documentation and public code. Prefer what the library's own authors wrote, say which "
                                       "version it holds for, and name every source. Be honest about how sure you are.",
                        .inputs = {text("query", "the question"), text("library_name", "which library, if known", 256, false),
                                   text("context", "what was found so far", 32768, false)},
                        .outputs = {markdown("findings", "the answer"), list("sources", "where it stands, an address each"),
                                    markdown("code_examples", "two or three short examples", false), share("confidence", "how sure")},
                        .max_output_tokens = 2500},
          .fallback = {},
          .about = "what outside documentation says"};
}

Program code_exploration() {
  return {.signature = {.id = "code-exploration",
                        .agent = "explore",
                        .instruction = "Find the code that is asked for. For a definition give the one place, for references and usages "
                                       "all that were found, for a call graph callers before callees. Give only places that stand in the "
                                       "material; if the search was cut, be less sure.",
                        .inputs = {text("query", "what is sought"),
                                   choice("search_type", "what kind of search",
                                          {{"definition", {"def"}}, {"references", {"refs"}}, {"pattern", {}}, {"usage", {}},
                                           {"call_graph", {"callgraph", "calls"}}}),
                                   text("scope", "below which path; everything if left out", 1024, false),
                                   text("material", "what the search tools found", 65536, false)},
                        .outputs = {places("locations", "where it is"), markdown("code_snippets", "the lines that matter", false),
                                    list("related_files", "files worth a look", false), share("confidence", "how sure")},
                        .max_output_tokens = 1500},
          .fallback = {},
          .about = "where something is in the code"};
}

Program ui_design() {
  return {.signature = {.id = "ui-design",
                        .agent = "frontend",
                        .instruction = "Design within the look that exists. Small screens first, contrast and keyboard use as WCAG 2.1 AA "
                                       "asks. Change no more than the request needs.",
                        .inputs = {text("design_request", "what should look different"), json("existing_styles", "colours, type, spacing", false),
                                   text("constraints", "what must stay", 8192, false)},
                        .outputs = {text("css_changes", "the style rules", 32768), text("component_structure", "markup and components", 32768),
                                    markdown("design_rationale", "why so"), markdown("accessibility_notes", "how it is used without eyes or mouse")},
                        .max_output_tokens = 3000},
          .fallback = {},
          .about = "a change of looks"};
}

Program documentation() {
  Field content = markdown("content", "the document");
  content.max_bytes = 65536;
  return {.signature = {.id = "documentation",
                        .agent = "docwriter",
                        .instruction = "Write documentation of the kind asked for, in the manner of what is there. Extend instead of "
                                       "repeating. Every command and example must work as printed.",
                        .inputs = {choice("doc_type", "what kind",
                                          {{"readme", {}}, {"api", {"apiref", "api_ref"}}, {"guide", {"tutorial"}}, {"comment", {"comments"}},
                                           {"changelog", {"changes"}}}),
                                   text("subject", "about what", 32768), text("audience", "for whom", 1024, false),
                                   text("existing_docs", "what is there", 65536, false)},
                        .outputs = {content, list("structure", "its headings", false), markdown("examples", "examples that were checked", false),
                                    list("cross_references", "what it refers to", false)},
                        .max_output_tokens = 8000},
          .fallback = {},
          .about = "a piece of documentation"};
}

Program media_analysis() {
  return {.signature = {.id = "media-analysis",
                        .agent = "multimodal",
                        .instruction = "Describe what is attached and draw out what was asked for, with pages where there are some. Invent "
                                       "nothing; what cannot be made out belongs among the uncertainties.",
                        .inputs = {choice("media_type", "what it is",
                                          {{"image", {"img", "picture"}}, {"pdf", {"document"}}, {"diagram", {"flowchart", "chart"}},
                                           {"screenshot", {"screen"}}, {"video", {"animation", "gif"}}}),
                                   text("content_description", "what is known of it, or the text drawn from it", 65536, false),
                                   text("analysis_focus", "what to look for", 4096, false),
                                   {.name = "attachment", .about = "the picture itself", .shape = Shape::kAttachment, .required = false}},
                        .outputs = {markdown("description", "what it shows"), markdown("extracted_data", "text and figures in it", false),
                                    json("structured_output", "the same as JSON, if that makes sense", false),
                                    list("uncertainties", "what could not be made out", false)},
                        .max_output_tokens = 3000},
          .fallback = {},
          .about = "what a picture or document shows"};
}

}  // namespace

std::vector<Program> agent_programs() {
  return {delegation(),  architecture(),  library_lookup(), code_exploration(),
          ui_design(), documentation(), media_analysis()};
}

}  // namespace orchestration
