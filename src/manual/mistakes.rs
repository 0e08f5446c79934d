//! What went wrong elsewhere in public, what this crate does, and the test that shows it. Documentation only.
//!
//! `CVE`, `GHSA` and `RUSTSEC` are the advisories of those names, `project#number` is an issue or a pull request on GitHub. The number of a
//! test, where it has one, is that of its rule; a test beside it accepts the neighbour of what is refused. `tests/mistakes.rs` holds
//! that each test that is named here exists.
//!
//! # One request, one reading
//!
//! | published | what went wrong | what is done here | shown by |
//! |---|---|---|---|
//! | CVE-2026-41145 | of two mechanisms in one request, one was checked and the other obeyed | one mechanism, or refused | `tests/threats.rs::r01_two_mechanisms_at_once_are_refused`, `tests/multi.rs::r01_tokens_of_two_providers_in_one_request_are_refused` |
//! | CVE-2022-2385 | of two parameters that differ in letter case, the checker of an EKS token read one and STS the other | a parameter is there once in any letter case, and none is there that does not belong to the token | `tests/aws_tokens/threats.rs::r02_a_parameter_that_is_there_twice_is_refused_in_any_letter_case`, `tests/aws_tokens/threats.rs::r02_a_parameter_that_does_not_belong_to_the_token_is_refused` |
//! | seaweedfs#10305 | a proxy wrote `%3B` as `;`, the parameter fell out of the query, and honest URLs were refused | `&` alone separates, and what proxies re-write is no reason to refuse | `tests/threats.rs::r03_only_the_ampersand_separates_parameters`, `tests/threats.rs::r14_what_proxies_do_to_honest_requests_is_accepted` |
//! | s3-orchestrator#737 | the decoded path was verified, so `foo%2Fbar` and `foo/bar` shared a signature | the path is verified as it was sent, and that path is handed out | `tests/threats.rs::r05_two_wire_paths_never_share_a_signature`, `tests/threats.rs::r05_the_verified_path_is_the_one_that_was_signed` |
//! | AWS signature version 1 (2008), RFC 9421 section 7 | values were joined without a delimiter that they could not contain, and moved from field to field | a line feed, a carriage return or NUL is refused by who signs and by who verifies | `tests/threats.rs::r06_line_breaks_and_nul_are_refused_by_signer_and_verifier`, `tests/azure_threats.rs::r06_no_line_feed_gets_into_what_is_signed`, `tests/gcs_threats.rs::r06_no_line_feed_gets_into_what_is_signed` |
//! | backend.ai#13663 | a header that anybody can send, `X-Forwarded-URL`, named the host and the path that were verified | one host, that of the request, held whole to the one that is served | `tests/threats.rs::r07_there_is_one_host_and_it_is_the_one_addressed` |
//!
//! # What a signature covers
//!
//! | published | what went wrong | what is done here | shown by |
//! |---|---|---|---|
//! | CVE-2026-54330, CVE-2026-71191 | an unsigned `x-amz-copy-source` turned the URL of one upload into a read of any object | every `x-amz-*` header that arrives is signed, and a grant for a copy is a grant for its source | `tests/aws_operations/threats.rs::r09_the_source_of_a_copy_must_be_signed`, `tests/aws_operations/threats.rs::r09_a_source_in_the_query_is_refused_although_it_is_signed`, `tests/aws_operations/threats.rs::r09_a_source_belongs_to_a_copy_alone_and_is_read_in_one_way`, `tests/aws_operations/threats.rs::r40_a_copy_is_covered_by_a_grant_for_the_same_source` |
//! | GHSA-g8w9-qw9q-fghr, GHSA-xm99-m3gq-83g8, seaweedfs#9121 | the list of signed headers was believed to name all that mattered | the only header of the provider that may stay unsigned is the payload hash, whose value is the payload line | `tests/threats.rs::r09_an_unsigned_x_amz_header_is_refused`, `tests/gcs_threats.rs::r09_every_header_of_the_provider_is_signed_and_none_of_another`, `tests/azure_shared_key/threats.rs::r09_every_header_of_the_service_is_signed` |
//! | s3s#830 | headers that announce a stream were exempt from signing | they are not | `tests/aws_streams/threats.rs::r09_what_announces_a_stream_is_signed` |
//! | seaweedfs#9910 | empty names in the list of signed headers were passed over | the list has one form, and each of its names arrived as a header | `tests/threats.rs::r10_every_signed_name_is_a_header_that_arrived`, `tests/gcs_threats.rs::r08_r10_the_list_of_signed_headers_is_in_its_one_form` |
//! | yulin#183 | `X-Amz-Signature` was left out of the canonical query of header-signed requests too | with an `Authorization` header nothing is left out | `tests/threats.rs::r12_the_canonical_query_leaves_out_nothing_but_the_signature` |
//! | seaweedfs#10031, smithy-typescript#1404 | the canonical query was sorted before encoding, or by name alone | sorted by encoded name, then encoded value | `tests/threats.rs::r13_parameters_are_sorted_by_encoded_name_then_value`, `src/v4/canonical.rs::a_query_is_sorted_by_encoded_name_then_value` |
//! | aws4fetch#83 | a space was signed as `%20` and sent as `+` | what is sent is the text that was signed | `src/encode.rs::what_is_encoded_is_canonical_and_decodes_to_itself` |
//! | aws-sdk-go-v2#2610, aws-sdk#480 | a checksum went into the query of a presigned upload, where S3 does not enforce it | a checksum is a signed header, and what the token does not carry is an error | `tests/plans/hold.rs::each_constraint_alone_is_held_to`, `tests/plans/agree.rs::nothing_asked_for_is_left_to_chance` |
//!
//! # Time
//!
//! | published | what went wrong | what is done here | shown by |
//! |---|---|---|---|
//! | Keystone bug 1872737 | a missing time skipped the check of time | it is refused | `tests/threats.rs::r15_a_missing_time_is_refused` |
//! | noobaa-core#8493 | a time that could not be read compared as neither early nor late, and no URL ever expired | times are read whole, as calendar dates, or the request is refused | `tests/threats.rs::r16_times_are_calendar_dates_read_whole`, `tests/threats.rs::r17_lifetimes_are_plain_digits_within_the_maximum` |
//! | CVE-2025-68671 | the signature was checked and the clock forgotten | good to the last second and no longer | `tests/threats.rs::r18_a_token_is_good_from_the_skew_before_to_its_last_second` |
//! | noobaa-core#8490 | presigned URLs were held to the 15 minutes of signed headers | each form has its own rule: from `date - skew` to `date + lifetime` | `tests/threats.rs::r18_a_token_is_good_from_the_skew_before_to_its_last_second` |
//! | CVE-2026-44394, CVE-2020-25816 | a token outlived the credential that it came from | it ends with its credential, when it is issued and when it is verified | `tests/threats.rs::r20_no_token_outlives_its_credential`, `tests/issuer/threats.rs::r20_no_refresh_outlives_the_credential` |
//! | boto3#2392, aws-sdk-ruby#1182 | a URL for a week died with the session that had signed it | issuing fails with the end of the credential, or the caller shortens the URL | `tests/threats.rs::r20_no_token_outlives_its_credential`, `tests/s3_express.rs::r20_no_url_outlives_the_session` |
//! | azure-sdk-for-net#47245 | a shared access signature was made for longer than its user delegation key lives | refused when it is issued | `tests/azure_threats.rs::r20_no_token_outlives_its_key` |
//! | aws-sdk-ruby#2498, aws-sdk-go#2167 | `X-Amz-Expires` of a URL for SQS or STS said what neither keeps: 15 minutes | a longer life is refused, and a verifier goes by the 15 minutes | `tests/aws_tokens/sqs.rs::r17_no_lifetime_is_promised_that_sqs_does_not_keep`, `tests/aws_tokens/sqs.rs::r18_a_verifier_goes_by_the_life_that_sqs_gives` |
//!
//! # Algorithm, scope, credential
//!
//! | published | what went wrong | what is done here | shown by |
//! |---|---|---|---|
//! | CVE-2026-33322 | an algorithm was believed that the token named, not the key | the key has one algorithm; a token names that or is refused | `tests/sigv4a/threats.rs::r21_neither_algorithm_is_taken_for_the_other`, `tests/sigv4a/threats.rs::r21_a_key_signs_only_what_belongs_to_its_algorithm`, `tests/gcs_threats.rs::r21_the_key_decides_the_algorithm` |
//! | s3s#820 | any name of an algorithm in the `Authorization` header was taken for the one that is served | compared whole | `tests/threats.rs::r21_the_algorithm_is_compared_whole` |
//! | s3s#616 | date and credential of a form were not fixed by its policy, and the date of the scope went unchecked | algorithm, credential and date have equal conditions, and the scope is of the day of the request | `tests/aws_post/threats.rs::r33_whoever_signed_is_fixed_by_the_policy`, `tests/threats.rs::r19_the_scope_is_of_the_day_of_the_request` |
//! | s3s#650 | the region of the scope was used to derive the key and never compared | every part of the scope is compared with what is served here | `tests/threats.rs::r22_every_part_of_the_scope_is_compared`, `tests/aws_tokens/threats.rs::r22_region_and_service_are_those_of_the_login` |
//!
//! # Bodies
//!
//! | published | what went wrong | what is done here | shown by |
//! |---|---|---|---|
//! | Swift bug 1765834 | a signed hash was not held against the body | it is, as the body is read | `tests/threats.rs::r27_a_body_is_held_to_its_signed_hash` |
//! | CVE-2025-31489, CVE-2026-40344 | with a body in unsigned chunks, the signature of the head went unchecked too | the mode of a body is part of what was signed, and never a way around the signature | `tests/aws_streams/threats.rs::r28_the_mode_is_the_signed_one_and_only_where_it_was_allowed`, `tests/aws_streams/threats.rs::r28_a_presigned_url_never_switches_to_a_stream` |
//! | versitygw#1147 | the signature of the last, empty chunk went unchecked | it is checked like every other, and so is that of a trailer | `tests/aws_streams/threats.rs::r29_the_last_chunk_is_verified_too`, `tests/aws_streams/threats.rs::r30_a_signed_trailer_needs_its_signature` |
//! | aws-proxy#130 | bytes went on before their chunk was verified, and lengths did not have to agree | nothing comes out before its signature is right; the chunks add up to the signed length | `tests/aws_streams/threats.rs::r29_every_chunk_is_verified_before_it_is_handed_out`, `tests/aws_streams/threats.rs::r29_the_sum_of_the_chunks_is_the_signed_length` |
//! | CVE-2026-49017 | input that ends before the last chunk kept the reader in a loop | the end of the input is an error | `tests/aws_streams/threats.rs::r29_the_end_of_the_input_is_not_the_end_of_the_body` |
//! | GHSA-v2ch-c8v8-fgr7 | the size of a chunk was not bounded | 1 to 16 digits, and no more than the announced length and the limit | `tests/aws_streams/threats.rs::r29_a_size_is_one_to_sixteen_hex_digits_and_bounded` |
//!
//! # Forms and policies
//!
//! | published | what went wrong | what is done here | shown by |
//! |---|---|---|---|
//! | GHSA-w5fh-f8xh-5x3p, supabase/storage#1211 | the conditions of a form were signed but not held to | every field is covered and every condition is met | `tests/aws_post/threats.rs::r31_every_field_is_covered_and_every_condition_is_met`, `tests/gcs_threats.rs::r31_every_field_is_covered_and_every_condition_is_met` |
//! | seaweedfs#9124 | a condition on a field that is not known counted as met | it refuses the policy | `src/post/conditions.rs::a_condition_that_is_not_known_refuses_the_policy` |
//! | CVE-2023-43040, CVE-2023-28434 | a form field named another bucket than the one that was checked | the bucket of the URL is the one that is checked | `tests/aws_post/threats.rs::r32_the_bucket_of_the_url_decides`, `tests/gcs_threats.rs::r32_the_bucket_of_the_url_decides` |
//! | minio#11843 | of two lists of conditions in a policy, the last was read | JSON is read in one way or not at all | `tests/aws_post/threats.rs::r34_a_policy_is_read_in_one_way_or_not_at_all`, `tests/gcs_threats.rs::r34_a_policy_is_read_in_one_way_or_not_at_all` |
//! | minio-java#1174 | a quote in the name of an object wrote conditions of its own | policies are written by a writer that escapes | `tests/aws_post/threats.rs::r35_a_quote_in_a_name_stays_in_it`, `tests/gcs_threats.rs::r35_a_quote_in_a_name_stays_in_it` |
//! | readings of CloudFront policies | several statements, names that occur twice, or a resource compared in part have two readings | exactly one statement, held against the whole URL without the token; network and address; `Policy` or `Expires` | `tests/cloudfront/threats.rs::r43_exactly_one_statement_without_a_second_reading`, `tests/cloudfront/threats.rs::r43_the_resource_is_held_against_the_whole_url_without_the_token`, `tests/cloudfront/threats.rs::r43_network_and_address`, `tests/cloudfront/threats.rs::r43_policy_and_expires_are_exclusive` |
//!
//! # Azure
//!
//! | published | what went wrong | what is done here | shown by |
//! |---|---|---|---|
//! | the account token that researchers at Microsoft published (2023) | a token for a whole account, with every right, until 2051 | nothing broader than one right on one resource for 15 minutes without a written reason, and never for longer than a week | `tests/azure_threats.rs::r41_what_is_broad_needs_a_reason`, `tests/azure_messaging/threats.rs::r41_what_is_broader_than_one_right_on_one_entity_needs_a_reason` |
//! | Azurite#2659, AzureStor#134 | a service version signs other lines than the one before | a version is read by its own table or refused | `tests/azure_threats.rs::r21_r36_only_known_layouts_and_letters_are_read` |
//! | azure-sdk-for-python#7525, azure-sdk-for-net#19021 | the name of a blob was signed encoded, or decoded once too often | a name is given as it is; the crate writes what is signed and what is sent | `tests/azure_laws.rs::what_is_signed_is_accepted_and_named_as_it_was` |
//! | azure-sdk-for-net#40531, azure-cli#29360 | the depth of a directory from 10 on, or a slash at its end, made a token that the service refused | the depth is the number of segments of a name that was checked, in decimal | `src/azure/resource.rs::the_depth_of_a_directory_is_the_number_of_its_segments` |
//! | stored policies repeated | a field stood in the token and in its stored policy | refused | `tests/azure_threats.rs::r38_a_stored_policy_completes_a_token_and_never_repeats_it` |
//!
//! # Least privilege
//!
//! | published | what went wrong | what is done here | shown by |
//! |---|---|---|---|
//! | prefixes compared as text | a grant for `42` reached `420/` | a prefix ends at `/`, or says that it is open; a listing stays within it | `tests/aws_operations/threats.rs::r40_a_grant_covers_its_prefix_by_raw_text_and_whole_segments`, `tests/aws_operations/threats.rs::r40_a_listing_is_covered_by_a_prefix_that_it_stays_within` |
//! | unitycatalog#1715 | `*` in the name of an object became a wildcard of a session policy | `*`, `?` and `$` of a name are escaped in what IAM reads as a pattern | `tests/aws_policy/cases.rs::what_iam_gives_a_meaning_to_is_escaped`, `tests/aws_policy/laws.rs::a_policy_allows_its_grants_and_nothing_else` |
//! | minio#7791 | a policy for the bucket `jack` reached the bucket `jackson` | names are exact | `tests/aws_policy/cases.rs::prefixes_and_names_are_exact` |
//! | CVE-2025-62506 | a key made within a session policy got more than the policy allowed | what narrows permits exactly what both permit | `tests/policy/laws.rs::narrowed_bounds_permit_exactly_what_both_permit`, `tests/aws_policy/laws.rs::a_guard_of_signatures_narrows_only` |
//! | windmill#9263 | a page that somebody had uploaded was shown in the origin of the application | a download whose type a grant overrides is saved, unless the grant says that it is shown | `tests/threats.rs::r48_a_download_of_another_type_is_saved_unless_somebody_says_otherwise` |
//! | boto3#2837 | a presigned upload has no upper bound on its size | an upload says its size or waives it by name; a range becomes a form, or an error that says so | `tests/threats.rs::r48_an_upload_says_or_waives_its_bounds`, `tests/aws_post/threats.rs::r48_the_file_is_held_to_the_size_that_was_signed` |
//!
//! # Caches, replay, revocation
//!
//! | published | what went wrong | what is done here | shown by |
//! |---|---|---|---|
//! | aws-sdk-go-v2#3350, aws-sdk-js#1052, aws-sdk-js-v3#1002 | derived keys were kept by the access key id, and a new secret signed with the old key | a kept key belongs to the holder of one secret, and to one scope | `tests/threats.rs::r49_a_derived_key_is_good_for_its_own_scope_only` |
//! | bun#32830 | derived keys were kept by region, service and secret without a delimiter, and two scopes shared one | the scope is compared part by part | `tests/threats.rs::r49_a_derived_key_is_good_for_its_own_scope_only` |
//! | CVE-2025-11621 | an identity was kept without the account that it belongs to | what is kept for one key id and one secret serves no other | `tests/threats.rs::r49_a_derived_key_is_good_for_its_own_scope_only` |
//! | capability URLs | a presigned URL cannot be revoked, or used once | a gate does both, before the cloud sees the request | `tests/gateway/threats.rs::r51_whatever_is_revoked_is_refused`, `tests/gateway/threats.rs::r50_a_token_for_one_use_is_used_once`, `tests/gateway/threats.rs::r50_another_spelling_of_a_token_is_not_another_use` |
//!
//! # Work and secrets
//!
//! | published | what went wrong | what is done here | shown by |
//! |---|---|---|---|
//! | RUSTSEC-2026-0194, roxmltree#153 | each attribute was compared with each other one | attributes and nodes are counted before the parser sees them | `src/xml.rs::nodes_attributes_and_namespaces_are_bounded` |
//! | RUSTSEC-2026-0009 | a parser called itself for each level of its input | depth is bounded, and so is every size, before any work | `tests/threats.rs::r53_limits_come_before_work`, `tests/policy/stored.rs::deep_and_long_documents_are_refused_soon` |
//! | RUSTSEC-2023-0071 | RSA in pure Rust takes time that depends on the key | the key may live elsewhere: two steps, and any signer between them | `tests/gcs_keys.rs::a_signature_of_sign_blob_finishes_what_was_prepared`, `tests/cloudfront/threats.rs::r44_any_signer_of_the_callers_finishes_what_was_prepared` |
//! | CVE-2023-30610 | `Debug` of a signer's parameters showed the secret key | no `Debug` shows a secret, a signature or a token | `tests/sigv4a/secrets.rs::debug_of_every_type_hides_what_is_planted`, `tests/sigv4a/secrets.rs::every_error_hides_what_is_planted` |
//! | CVE-2017-8761, arrow-rs#6322 | signed URLs stood in the log of a proxy, and in the errors of a client | a log line goes through `redact`, and no error holds a URL | `tests/redaction/laws.rs::a_secret_is_found_in_any_text_at_any_cut`, `tests/issuer/threats.rs::r55_no_record_holds_a_url`, `tests/threats.rs::r55_no_text_about_a_request_holds_its_signature` |
//! | uv#19146, aws-sdk-java-v2#7388 | errors of HTTP clients and `toString` showed presigned URLs | a URL is a type that hides itself; `expose` gives the text | `tests/issuer/secrets.rs::everything_around_a_token_hides_it` |
