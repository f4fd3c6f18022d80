export default {
  async fetch(request) {
    const rows = await request.json();
    for (const row of rows) row.total = row.price * row.count;
    return Response.json(rows);
  },
};
