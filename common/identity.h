/*
 * The identity fields a certificate can carry, by one table: a new extension is
 * one row here, and the configuration key, the claim template, the certificate
 * extension and the verifier's policy name all follow from it.
 *
 * Source: Fulcio docs/oid-info.md; arc 1.3.6.1.4.1.57264.1.<arc>.
 */
#pragma once

enum tm_identity_encoding {
    IDENTITY_RAW,  /* the string's bytes are the extension value (arcs 1-6) */
    IDENTITY_UTF8, /* DER UTF8String (arcs 8 and up) */
};

/* Columns: C name, arc, encoding, YAML key, JSON key, label. Certificate order. */
#define IDENTITY_FIELDS(X) \
    X(ISSUER_V1, 1, RAW, "", "", "Issuer (v1)") \
    X(GITHUB_TRIGGER, 2, RAW, "github-workflow-trigger", "GithubWorkflowTrigger", \
      "GitHub Workflow Trigger") \
    X(GITHUB_SHA, 3, RAW, "github-workflow-sha", "GithubWorkflowSHA", "GitHub Workflow SHA") \
    X(GITHUB_NAME, 4, RAW, "github-workflow-name", "GithubWorkflowName", "GitHub Workflow Name") \
    X(GITHUB_REPOSITORY, 5, RAW, "github-workflow-repository", "GithubWorkflowRepository", \
      "GitHub Workflow Repository") \
    X(GITHUB_REF, 6, RAW, "github-workflow-ref", "GithubWorkflowRef", "GitHub Workflow Ref") \
    X(ISSUER, 8, UTF8, "", "", "Issuer") \
    X(BUILD_SIGNER_URI, 9, UTF8, "build-signer-uri", "BuildSignerURI", "Build Signer URI") \
    X(BUILD_SIGNER_DIGEST, 10, UTF8, "build-signer-digest", "BuildSignerDigest", \
      "Build Signer Digest") \
    X(RUNNER_ENVIRONMENT, 11, UTF8, "runner-environment", "RunnerEnvironment", \
      "Runner Environment") \
    X(SOURCE_URI, 12, UTF8, "source-repository-uri", "SourceRepositoryURI", \
      "Source Repository URI") \
    X(SOURCE_DIGEST, 13, UTF8, "source-repository-digest", "SourceRepositoryDigest", \
      "Source Repository Digest") \
    X(SOURCE_REF, 14, UTF8, "source-repository-ref", "SourceRepositoryRef", \
      "Source Repository Ref") \
    X(SOURCE_ID, 15, UTF8, "source-repository-identifier", "SourceRepositoryIdentifier", \
      "Source Repository Identifier") \
    X(SOURCE_OWNER_URI, 16, UTF8, "source-repository-owner-uri", "SourceRepositoryOwnerURI", \
      "Source Repository Owner URI") \
    X(SOURCE_OWNER_ID, 17, UTF8, "source-repository-owner-identifier", \
      "SourceRepositoryOwnerIdentifier", "Source Repository Owner Identifier") \
    X(BUILD_CONFIG_URI, 18, UTF8, "build-config-uri", "BuildConfigURI", "Build Config URI") \
    X(BUILD_CONFIG_DIGEST, 19, UTF8, "build-config-digest", "BuildConfigDigest", \
      "Build Config Digest") \
    X(BUILD_TRIGGER, 20, UTF8, "build-trigger", "BuildTrigger", "Build Trigger") \
    X(RUN_INVOCATION_URI, 21, UTF8, "run-invocation-uri", "RunInvocationURI", \
      "Run Invocation URI") \
    X(SOURCE_VISIBILITY, 22, UTF8, "source-repository-visibility-at-signing", \
      "SourceRepositoryVisibilityAtSigning", "Source Repository Visibility At Signing") \
    X(DEPLOYMENT_ENVIRONMENT, 23, UTF8, "deployment-environment", "DeploymentEnvironment", \
      "Deployment Environment") \
    X(TOKEN_SUBJECT, 24, UTF8, "", "", "Token Subject")

enum tm_identity_field {
#define IDENTITY_ENUM(name, arc, enc, yaml, json, label) IDENTITY_##name,
    IDENTITY_FIELDS(IDENTITY_ENUM)
#undef IDENTITY_ENUM
        IDENTITY_FIELD_COUNT
};

struct tm_identity_row {
    const char *yaml_key; /* "" for rows that the operator cannot template */
    const char *json_key;
    const char *label;
    unsigned char arc;
    enum tm_identity_encoding encoding;
};

/* Indexed by enum tm_identity_field. */
extern const struct tm_identity_row tm_identity_table[IDENTITY_FIELD_COUNT];

enum tm_identity_san_kind {
    IDENTITY_SAN_EMAIL, /* rfc822Name */
    IDENTITY_SAN_URI,   /* uniformResourceIdentifier */
    IDENTITY_SAN_OTHER, /* otherName, type-id 1.3.6.1.4.1.57264.1.7, UTF8String */
};
