"""Several results as one table, of either kind of model."""


def tables_of(captions):
    """(heading of a result, what summarises several, table of the summary)

    Args:
        captions: whether the results are of captioners.
    """
    if captions:
        from vsepp.metrics.captions.summary import summarise_captions
        from vsepp.report.caption_tables import caption_heading, caption_summary_table

        return caption_heading, summarise_captions, caption_summary_table
    from vsepp.metrics.bootstrap import summarise
    from vsepp.report.tables import heading, summary_table

    return heading, summarise, summary_table
