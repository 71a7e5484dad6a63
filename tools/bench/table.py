#!/usr/bin/env python3
"""The figures the project holds itself to, beside what a run of tools/bench/run measured.

A row is (what, metric or metrics of a ratio, comparison, bar, unit). A metric that is not among the
lines is "not measured"; nothing is guessed. A row without a bar only explains others.
"""
import json
import sys

AT_LEAST, AT_MOST = "≥", "≤"

ROWS = [
    ("ingest / raw bound, 200 authors, CPU", "ingest_cpu_ratio_200_authors", AT_LEAST, 0.98, "×"),
    ("  the same by wall time", "ingest_ratio_200_authors", AT_LEAST, 0.98, "×"),
    ("ingest / raw bound, authors distinct, CPU", "ingest_cpu_ratio_distinct_authors", AT_LEAST, 0.92, "×"),
    ("  the same by wall time", "ingest_ratio_distinct_authors", AT_LEAST, 0.92, "×"),
    ("ingest and store, 200 authors, CPU", "ingest_stored_cpu_ratio_200_authors", AT_LEAST, 0.75, "×"),
    ("ingest and store, authors distinct, CPU", "ingest_stored_cpu_ratio_distinct_authors", AT_LEAST, 0.68, "×"),
    ("second copy of a known event, CPU", "second_copy_200_authors", AT_MOST, 2, "µs"),
    ("REQ to EOSE: nostr-tools / `req`, CPU", "client_tools_cpu_ratio", AT_LEAST, 40, "×"),
    ("REQ to EOSE: nostr-tools / `req`, wall", "client_tools_wall_ratio", AT_LEAST, 75, "×"),
    ("REQ to EOSE: NDK / `req`, CPU", "client_ndk_cpu_ratio", AT_LEAST, 65, "×"),
    ("REQ to EOSE: nostr-tools on wasm / `req`, CPU", "client_wasm_cpu_ratio", AT_LEAST, 7, "×"),
    ("REQ to EOSE from three relays / from one, CPU", "client_three_cpu_ratio", AT_MOST, 1.06, "×"),
    ("  resident memory, three relays", "client_three_rss", AT_MOST, 20, "MB"),
    ("sign an event: nostr-tools / ours", ("peer_sign_event", "crypto_sign_event"), AT_LEAST, 100, "×"),
    ("conversation key: nostr-tools / ours", ("peer_conversation_key", "crypto_conversation_key"), AT_LEAST, 70, "×"),
    ("NIP-44 of 1 KiB: nostr-tools / ours", ("peer_nip44_1kib", "crypto_nip44_1kib"), AT_LEAST, 15, "×"),
    ("FROST responder, CPU", "frost_responder_partial", AT_MOST, 0.5, "ms"),
    ("  bifrost / ours", ("bifrost_responder_partial", "frost_responder_partial"), AT_LEAST, 25, "×"),
    ("FROST 2-of-3 signature, both parties, CPU", "frost_sign_2of3_both_parties", AT_MOST, 1.2, "ms"),
    ("  bifrost / ours", ("bifrost_sign_2of3_both_parties", "frost_sign_2of3_both_parties"), AT_LEAST, 50, "×"),
    ("FROST responder 3-of-5: bifrost / ours", ("bifrost_responder_partial_3of5", "frost_responder_partial_3of5"), AT_LEAST, None, "×"),
    ("FROST signature 3-of-5: bifrost / ours", ("bifrost_sign_all_parties_3of5", "frost_sign_all_parties_3of5"), AT_LEAST, None, "×"),
    ("FROST signature 10-of-15: bifrost / ours", ("bifrost_sign_all_parties_10of15", "frost_sign_all_parties_10of15"), AT_LEAST, None, "×"),
    ("FROST signature end to end, p50", "frost_sign_e2e_p50", AT_MOST, 4, "ms"),
    ("  p99", "frost_sign_e2e_p99", AT_MOST, None, "ms"),
    ("  3-of-5, p50", "frost_sign_e2e_3of5_p50", AT_MOST, None, "ms"),
    ("  10-of-15, p50", "frost_sign_e2e_10of15_p50", AT_MOST, None, "ms"),
    ("  bifrost / ours", ("bifrost_sign_e2e_p50", "frost_sign_e2e_p50"), AT_LEAST, 25, "×"),
    ("threshold ECDH end to end, p50", "frost_ecdh_e2e_p50", AT_MOST, 4, "ms"),
    ("tick without model time, p50", "tick_p50", AT_MOST, 60, "ms"),
    ("12 hooks around one tool call", "hooks_around_tool_call", AT_MOST, 15, "µs"),
    ("node idle on three relays, RssAnon", "node_idle_rss_anon_3_relays", AT_MOST, 8, "MB"),
    ("node idle on three relays, RSS", "node_idle_rss_3_relays", AT_MOST, 26, "MB"),
    ("co-signer idle, RssAnon", "cosigner_idle_rss_anon", AT_MOST, 5, "MB"),
    ("co-signer idle, RSS", "cosigner_idle_rss", AT_MOST, 20, "MB"),
    ("start of `run` to first REQ, p50", "run_start_to_first_req_p50", AT_MOST, 60, "ms"),
    ("event store: worst barred query, p99", "storage_query_p99", AT_MOST, 3, "ms"),
    ("  the same in CPU time", "storage_query_cpu_p99", AT_MOST, 3, "ms"),
    ("event store: insert in batches", "storage_insert_rate", AT_LEAST, 50_000, "/s"),
    ("tasks handed to 200 agents of one node: share done", "crowd_tasks_done_share", AT_LEAST, 1, "×"),
    ("  tasks per second, all of a task", "crowd_tasks_per_second", AT_LEAST, None, "/s"),
    ("  an agent more, RssAnon", "node_rss_anon_per_agent", AT_MOST, 60, "KB"),
    ("  a relay more (of 50), RssAnon", "node_rss_anon_per_relay", AT_MOST, 300, "KB"),
    ("clean release build with tests on two cores", None, AT_MOST, 6, "min"),
    ("tools/test after it", None, AT_MOST, 10, "min"),
]


def read(path):
    values = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            figure = json.loads(line)
            values[figure["metric"]] = figure["value"]
    return values


def value_of(metric, values):
    if isinstance(metric, tuple):
        over, under = (values.get(name) for name in metric)
        return over / under if over is not None and under else None
    return values.get(metric)


def number(value):
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}" if value >= 10 else f"{value:.3f}"


def main():
    values = read(sys.argv[1])
    missed = unmeasured = 0
    print(f"{'what':<50} {'bar':>12} {'measured':>14}")
    for what, metric, comparison, bar, unit in ROWS:
        wanted = "" if bar is None else f"{comparison} {bar:g} {unit}"
        value = None if metric is None else value_of(metric, values)
        if value is None:
            unmeasured += bar is not None
            print(f"{what:<50} {wanted:>12} {'not measured':>14}")
            continue
        if bar is None:
            print(f"{what:<50} {wanted:>12} {number(value) + ' ' + unit:>14}")
            continue
        met = value >= bar if comparison == AT_LEAST else value <= bar
        missed += not met
        print(f"{what:<50} {wanted:>12} {number(value) + ' ' + unit:>14}  {'met' if met else 'MISSED'}")
    barred = sum(bar is not None for _, _, _, bar, _ in ROWS)
    print(f"{barred - missed - unmeasured} met, {missed} missed, {unmeasured} not measured")


if __name__ == "__main__":
    main()
