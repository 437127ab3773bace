"""Where the local exchange's answers differ from recorded ones, and why."""

OLD = "the recordings are older than this part of the answer"
GONE = "only in a recording of 2023: newer ones do not have it"
SPOT = "about spot, which is not served"
ISOLATED = "isolated margin is not served"

# (answer, beginning of the path, where it is): why.
EXPLAINED: dict[tuple[str, str, str], str] = {
    ("meta", ".collateralToken", "ours"): OLD,
    ("meta", ".marginTables", "ours"): OLD,
    ("meta", ".universe[].marginTableId", "ours"): OLD,
    (
        "meta",
        ".universe[].isDelisted",
        "theirs",
    ): "it is there when it is true",
    ("meta", ".universe[].onlyIsolated", "theirs"): ISOLATED,
    ("metaAndAssetCtxs", "[].collateralToken", "ours"): OLD,
    ("metaAndAssetCtxs", "[].marginTables", "ours"): OLD,
    ("metaAndAssetCtxs", "[].universe[].marginTableId", "ours"): OLD,
    ("metaAndAssetCtxs", "[].universe[].onlyIsolated", "theirs"): ISOLATED,
    ("metaAndAssetCtxs", "[][].dayBaseVlm", "ours"): OLD,
    ("clearinghouseState", ".assetPositions[].position.maxTradeSzs", "theirs"): GONE,
    ("spotClearinghouseState", ".balances[]", "theirs"): SPOT,
    ("openOrders", "[].cloid", "ours"): "it is there when the client gave one: nobody recorded did",
    ("frontendOpenOrders", "[].cloid string", "ours"): "as with openOrders",
    ("frontendOpenOrders", "[].children[].cloid", "ours"): OLD,
    ("historicalOrders", "[].order.cloid string", "ours"): "as with openOrders",
    (
        "historicalOrders",
        "[].order.tif null",
        "ours",
    ): "as in frontendOpenOrders",
    ("userFills", "[].builderFee", "theirs"): "it is there when a builder is paid: none is",
    ("userFills", "[].twapId", "ours"): "as in the recorded fills of the websocket",
    ("userFillsByTime", "[].feeToken", "ours"): "as in the recorded userFills",
    ("userFillsByTime", "[].tid", "ours"): "as in the recorded userFills",
    ("userFillsByTime", "[].twapId", "ours"): "as in the recorded fills of the websocket",
    ("userNonFundingLedgerUpdates", "[].delta<accountClassTransfer>", "theirs"): SPOT,
    ("userNonFundingLedgerUpdates", "[].delta<spotTransfer>", "theirs"): SPOT,
    ("userNonFundingLedgerUpdates", "[].delta<internalTransfer>", "ours"): "nobody recorded one",
    ("userNonFundingLedgerUpdates", "[].delta<withdraw>", "ours"): "nobody recorded one",
    ("userFunding", "[].delta<funding>.nSamples number", "theirs"): GONE,
}
